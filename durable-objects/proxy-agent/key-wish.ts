/** The key of an SA, as the agents of both ends are to make it. */
import type { KeyWish } from "../../shared/ipsec/errand.ts";
import { type KeyLayout, keyBytesOf } from "../../shared/ipsec/key-layout.ts";
import {
  chunkBytesOf,
  DEFAULT_KEYS,
  endpointsOf,
  endsOf,
  type KeySettings,
  rendezvousOf,
  type SaKey,
} from "../../shared/ipsec/rendezvous.ts";
import type { IpsecNode } from "../../shared/ipsec/view.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { ProxyParts } from "./parts.ts";

/** What controllers set for the pair of these proxy agents, by whichever of their addresses. */
function settingsOf(all: readonly KeySettings[], one: IpsecNode, other: IpsecNode): Omit<KeySettings, "endpoints"> {
  const pairs = new Set(one.addresses.flatMap((a) => other.addresses.map((b) => JSON.stringify(endpointsOf(a, b)))));
  return all.find(({ endpoints }) => pairs.has(JSON.stringify(endpoints))) ?? DEFAULT_KEYS;
}

/** @returns a message where a prefix is nobody's */
export function keyWishOf({ network, store }: ProxyParts, sa: SaKey, layout: KeyLayout): Result<KeyWish, string> {
  const ends = endsOf(sa, network.view.nodes);
  if (!ends.ok) return ends;
  const { source, destination } = ends.value;
  const settings = settingsOf(store.keySettings(), source, destination);
  const keyBytes = keyBytesOf(layout);
  return ok({
    ...rendezvousOf(sa, ends.value, settings, source.qkdRequired || destination.qkdRequired),
    keyBytes,
    chunkBytes: chunkBytesOf(keyBytes, settings),
    waitMs: network.own?.meetMs ?? 0,
  });
}
