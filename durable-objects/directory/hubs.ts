/** The tunnel's hubs that have connections, and what they have to know of the network. */
import { revokedKeys } from "../../shared/network/lookup.ts";
import type { TunnelView, TunnelViewCall } from "../../shared/tunnel/types.ts";
import { tunnelView } from "../../shared/tunnel/view.ts";
import type { DirectoryParts } from "./changes.ts";
import type { Watchers } from "./watchers.ts";

/** @returns what the hub asked for, which will be told of every change from then on if it has connections */
export function viewOfHub(
  { store }: DirectoryParts,
  hubs: Watchers,
  { hub, knownSequence, connected }: TunnelViewCall,
): TunnelView | { readonly unchanged: true } {
  const { sequence, document } = store.view();
  if (connected) hubs.saw(hub, sequence);
  else hubs.forget(hub);
  if (sequence === knownSequence) return { unchanged: true };
  return tunnelView({ sequence, document }, revokedKeys(store.revocations()), hub);
}
