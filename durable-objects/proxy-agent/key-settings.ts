/** What a controller sets with /createqkd: kept here, and at the other end where that is hosted here. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { endpointsOf } from "../../shared/ipsec/rendezvous.ts";
import type { ProxyAgentRpc, SetKeysCall } from "../../shared/ipsec/types.ts";
import type { IpsecNode } from "../../shared/ipsec/view.ts";
import { asOwn, ok, type Result } from "../../shared/result.ts";
import type { ProxyParts } from "./parts.ts";

/** Is one of the two its proxy agent's? */
function isNamed({ addresses }: IpsecNode, [one, other]: readonly string[]): boolean {
  return addresses.map((address) => endpointsOf(address, address)[0]).some((own) => own === one || own === other);
}

export async function setKeys(
  { db, store, events, network, nowMs }: ProxyParts,
  call: SetKeysCall,
  peers: (node: NodeId) => Pick<ProxyAgentRpc, "setKeys">,
): Promise<Result<null, Fault>> {
  const { principal, settings } = call;
  const { own, view } = { own: network.own, view: network.view };
  if (own === null) return fail("not-found", "the node has no IPsec host in the network");
  if (!isNamed(own, settings.endpoints))
    return fail("bad-request", "endpoint1, endpoint2: neither is an address of this node's proxy agent");
  if (events.full() && !view.dropsAudit) return fail("audit-full", "the audit log cannot keep up, try again");
  db.transaction(() => {
    if (!store.setKeys(settings, nowMs())) return;
    const { qkd, kem, method } = settings;
    events.tell("ipsec.settings", principal, { endpoints: settings.endpoints.join(" "), qkd, kem, method }, nowMs());
  });
  const other = view.nodes.find((node) => node.id !== own.id && isNamed(node, settings.endpoints));
  if (call.told || other?.hosted !== "here") return ok(null);
  try {
    return asOwn(await peers(other.id).setKeys({ ...call, told: true }));
  } catch {
    return fail("unavailable", "the other end's settings could not be set, try again");
  }
}
