/** ETSI GS QKD 014 for an SAE here whose keys are with one at, or beyond, a neighbour that runs qkd-trusted-node. */
import { fail, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import { checkKeyRequest, type KeyRequest } from "../../shared/etsi014/key-request.ts";
import { statusObject } from "../../shared/etsi014/status.ts";
import type { SaeId } from "../../shared/ids.ts";
import { expandRuns, type KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { legacyViewOf } from "../../shared/network/legacy-view.ts";
import { kmeIdOf } from "../../shared/network/lookup.ts";
import type { LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { askLegacyNode } from "../clients/legacy-node.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall } from "./handler.ts";
import type { SaeCaller } from "./sae.ts";

/** Does a neighbour that runs qkd-trusted-node speak for this SAE? */
export const isLegacySae = ({ lookup }: Pick<SaeCaller, "lookup">, sae: SaeId): boolean => lookup.legacyBySae.has(sae);

/** The caller's node, which has to be the neighbour's: keys that come from there are relayed no further. */
function viewFor({ lookup, sae }: SaeCaller, other: SaeId): Result<LegacyView, Fault> {
  const node = lookup.saesById.get(sae)?.node ?? "";
  const legacy = lookup.legacyBySae.get(other);
  const view = legacy?.node === node ? legacyViewOf(lookup, node) : null;
  if (view !== null) return ok(view);
  return fail("no-route", `the SAE ${other} is reached from SAEs at ${legacy?.node ?? "no node"} only`);
}

type Grant = Promise<Result<KeyGrant<KeyIdRun>, Fault>>;

/** @param request whose extensions are known */
export async function legacyEncKeys(
  call: AuthenticatedCall,
  caller: SaeCaller,
  slave: SaeId,
  request: KeyRequest,
): Grant {
  const { sae, policy } = caller;
  const checked = checkKeyRequest(request, { policy, caller: sae, slave, connections: null });
  if (!checked.ok) return checked;
  if (request.mandatory.length > 0) return err(mandatedFault("extension-mandatory-unmet"));
  if (request.additionalSlaves.length > 0) {
    return fail("bad-request", "additional_slave_SAE_IDs: qkd-trusted-node knows keys of two SAEs only");
  }
  const view = viewFor(caller, slave);
  if (!view.ok) return view;
  const { number: count, sizeBits } = checked.value;
  const encCall = { view: view.value, master: sae, slave, count, sizeBits };
  return await askLegacyNode(call.env, view.value.node, async (object) => await object.encKeys(encCall));
}

export async function legacyDecKeys(
  call: AuthenticatedCall,
  caller: SaeCaller,
  master: SaeId,
  keyIds: readonly KeyIdRun[],
): Grant {
  const view = viewFor(caller, master);
  if (!view.ok) return view;
  const decCall = { view: view.value, sae: caller.sae, master, keyIds: expandRuns(keyIds) };
  return await askLegacyNode(call.env, view.value.node, async (object) => await object.decKeys(decCall));
}

/** Nothing is stored ahead: each key is brought when it is asked for. */
export function legacyStatus(caller: SaeCaller, slave: SaeId) {
  const view = viewFor(caller, slave);
  if (!view.ok) return view;
  const { lookup, sae, policy } = caller;
  const node = lookup.nodesById.get(view.value.node) ?? { id: view.value.node };
  const targetKme = lookup.legacyBySae.get(slave)?.id ?? "";
  const facts = { sourceKme: kmeIdOf(node), targetKme, master: sae, slave, policy, link: null, pools: [] };
  return ok(respondJson(statusObject(facts)));
}
