/** Other nodes, wherever they are hosted: objects of this deployment by RPC, nodes of others by HTTPS. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { TrustedNodeRpc } from "../../shared/relay/types.ts";
import { asOwn, type Result } from "../../shared/result.ts";
import type { ObjectsEnv } from "../env.ts";
import { peerNode } from "../peers/peer-node.ts";
import type { NodeNetwork } from "./node-network.ts";

export type OtherNode = Pick<TrustedNodeRpc, "step" | "voidRelay" | "voidRelays" | "compare" | "advertise">;

export function otherNode(env: ObjectsEnv, network: NodeNetwork, id: NodeId): OtherNode {
  const view = { remoteOf: (node: NodeId) => network.node(node)?.remote ?? undefined };
  return view.remoteOf(id) === undefined ? env.TRUSTED_NODE.getByName(id) : peerNode(env, view, id);
}

/** An object that does not answer is as good as a node that does not. */
export async function answered<T>(ask: () => Promise<Result<T, Fault>>): Promise<Result<T, Fault>> {
  try {
    return asOwn(await ask());
  } catch {
    return fail("unavailable", "the node does not answer");
  }
}
