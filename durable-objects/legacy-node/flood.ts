/** Discovery, as nodes of qkd-trusted-node do it for each request: every neighbour that nobody has asked is asked. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { WalkedNode } from "../../shared/qkd-trusted-node/messages.ts";
import { heardOnce, nodeOfSae, type OwnNode, ownEntry, pathBetween } from "../../shared/qkd-trusted-node/network.ts";
import type { LegacyNeighbour, LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import type { Journey } from "../../shared/qkd-trusted-node/walk.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Beside, Peers } from "./peers.ts";

const ownOf = ({ ownId, saes, neighbours }: LegacyView): OwnNode => ({
  id: ownId,
  saes,
  kmes: neighbours.flatMap(({ kmeId, peerKmeId }) => [kmeId, peerKmeId]),
  neighbours: neighbours.map(({ id }) => id),
});

/** One that does not answer is left out. @param walked what is known already */
export async function flood(
  peers: Peers,
  view: LegacyView,
  walked: readonly WalkedNode[] = [],
  distance = 0,
): Promise<WalkedNode[]> {
  const own = ownOf(view);
  let heard = heardOnce(walked, [ownEntry(own, distance, walked)]);
  for (const neighbour of view.neighbours) {
    if (heard.some(({ trusted_node_id: id }) => id === neighbour.id)) continue;
    // One after the other: each is told what the others have said, and asks nobody twice.
    // oxlint-disable-next-line no-await-in-loop
    const answer = await peers.discover({ view, neighbour }, heard, distance + 1);
    if (answer.ok) heard = heardOnce(heard, answer.value.walked_nodes).slice(0, LIMITS.legacyWalkedNodes);
  }
  // Our own word on our neighbours, now that it is known which of them are there.
  return heard.map((node) => (node.trusted_node_id === own.id ? ownEntry(own, node.distance, heard) : node));
}

/** The neighbour that the document lets speak for an SAE; null: none. */
export const neighbourOf = ({ neighbours }: LegacyView, sae: string): LegacyNeighbour | null =>
  neighbours.find(({ saes }) => saes.includes(sae)) ?? null;

/**
 * The way from an SAE here to one at or beyond that neighbour.
 * @returns `no-path` where the network does not know the other one, or leads to it over somebody else
 */
export async function journeyTo(
  peers: Peers,
  { view, neighbour }: Beside,
  far: string,
  ends: Pick<Journey, "master" | "slave">,
): Promise<Result<Journey, Fault>> {
  const heard = await flood(peers, view);
  const target = nodeOfSae(heard, far);
  if (target === null) return fail("no-path", `no node of qkd-trusted-node, or more than one, has the SAE ${far}`);
  const path = pathBetween(heard, view.ownId, target);
  if (path === null || path[1] !== neighbour.id) {
    return fail("no-path", `no path leads over ${neighbour.id} to the SAE ${far}`);
  }
  return ok({ ...ends, path, heard });
}
