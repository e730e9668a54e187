/**
 * The variant of ETSI GS QKD 014 in Open-QKD-Network's KMSController.java: sites in place of SAEs, one key an answer. It
 * shares its paths with 014 itself: which of the two it is shows in who calls.
 */
import type { Fault } from "../../../shared/errors/errors.ts";
import { keyFault, type SiteKey } from "../../../shared/open-qkd-network/answers.ts";
import { requiredParameter } from "../../../shared/open-qkd-network/form.ts";
import { KEY_BITS, readKeyId } from "../../../shared/open-qkd-network/key-request.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { respondJson } from "../../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "../handler.ts";
import { keyFrom, newKeyFor } from "./keys.ts";
import { peerSite, siteCaller } from "./sites.ts";

export const isKmsUser = ({ caller }: AuthenticatedCall): boolean => caller.grant.principal.role === "kms-user";

export async function siteEncKeys(call: AuthenticatedCall): Reply {
  return answer(await newKeyFor(call, call.path["slave_SAE_ID"] ?? "", ""));
}

export async function siteDecKeys(call: AuthenticatedCall): Reply {
  const keyId = requiredParameter(call.query, "key_ID");
  const wanted = keyId.ok ? readKeyId(keyId.value) : keyId;
  return answer(wanted.ok ? await keyFrom(call, call.path["master_SAE_ID"] ?? "", wanted.value, "") : wanted);
}

/** Its members, as the original has them: `key_size` is in bytes, and a block is as many keys. */
export async function siteStatus(call: AuthenticatedCall): Reply {
  const caller = siteCaller(call);
  if (!caller.ok) return caller;
  const siteId = call.path["slave_SAE_ID"] ?? "";
  const peer = await peerSite(call, caller.value, siteId);
  if (!peer.ok) return peer;
  const { user, lookup } = caller.value;
  const own = lookup.nodesById.get(user.node)?.kms_site_id ?? user.node;
  return ok(
    respondJson({
      source_KME_ID: own,
      target_KME_ID: siteId,
      master_KME_ID: own,
      slave_KME_ID: siteId,
      key_size: KEY_BITS / 8,
      key_block_size: 1,
    }),
  );
}

/** As of newkey and getkey, in the container of this variant. */
function answer(outcome: Result<SiteKey, Fault>): Awaited<Reply> {
  if (outcome.ok) return ok(respondJson({ keys: [outcome.value] }));
  const { status, body } = keyFault(outcome.error);
  return status === 200 || status === 400 ? ok(respondJson({ keys: [body] }, status)) : outcome;
}
