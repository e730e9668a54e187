/** When an SA is to be made anew: only where both ends of its tunnel are to do that by themselves. */
import type { NodeId } from "../../shared/ids.ts";
import { hardEndMs, rekeyDueMs } from "../../shared/ipsec/rekey.ts";
import { type IpsecNode, makesAnew } from "../../shared/ipsec/view.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { EntryRow, SadRow } from "./entry-store.ts";
import type { ProxyNetwork } from "./network.ts";

/** The other end, where the two make SAs anew together. */
export function rekeyPeer({ peer }: Pick<SadRow, "peer">, network: ProxyNetwork): IpsecNode | null {
  return peer === null ? null : network.peer(peer);
}

/** Of two nodes the lower coordinates. */
export const coordinates = (node: NodeId, peer: NodeId): boolean => node < peer;

/** Do both ends say that SAs of this tunnel are made anew without being asked for? */
export const rekeysItself = (row: Pick<SadRow, "peer" | "sa">, network: ProxyNetwork): boolean =>
  [network.own, rekeyPeer(row, network)].every((end) => end !== null && makesAnew(end, row.sa));

/** @returns null: never by itself, or when the host says so */
export function lifetimeDueMs(row: SadRow, network: ProxyNetwork, installedMs: number): number | null {
  const [own, peer] = [network.own, rekeyPeer(row, network)];
  const dueMs = rekeyDueMs(row.entry, installedMs);
  if (own === null || peer === null || dueMs === null || !rekeysItself(row, network)) return null;
  // The other end sees to it first.
  return coordinates(own.id, peer.id) ? dueMs : dueMs + LIMITS.ipsecStepAgainMs;
}

/** When its lifetime is over. @returns null: never, or it has not begun */
export const endMs = ({ entry, installedMs }: SadRow): number | null =>
  installedMs === null ? null : hardEndMs(entry, installedMs);

/** Hosts without notifications do not say so: what is in use no longer, and has only not been put away yet. */
export const isOver = (row: EntryRow, nowMs: number): boolean =>
  row.kind === "sad" && row.state === "installed" && (endMs(row) ?? Infinity) <= nowMs;
