/** What clients at both ends have been given, for tests over real processes: nothing twice, and equal at both ends. */
import { expect } from "vitest";

/** What a slave knows of a key it was given the ID of. */
export type Fate = "pending" | "fetched" | "unknown";

export interface Key {
  readonly key_ID: string;
  readonly key: string;
}

export const keysIn = (body: string): Key[] => (JSON.parse(body) as { keys: Key[] }).keys;

/** Keys that share bits show as common bytes at these places: keys are of multiples of 64 bits, cut one after the other. */
const PIECE_BYTES = 8;

/** Everything acknowledged so far. */
export class KeyLedger {
  readonly keys = new Map<string, string>();
  readonly fates = new Map<string, Fate>();
  readonly #seen = new Set<string>();
  readonly #owners = new Map<string, readonly [string, string]>();

  /** @param owners who may fetch it: nodes of master and slave, where several pairs share the ledger */
  given({ key_ID, key }: Key, owners?: readonly [string, string]): void {
    expect(this.keys.has(key_ID), "no ID twice").toBe(false);
    const bytes = Buffer.from(key, "base64");
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.toString("latin1", at, at + PIECE_BYTES);
      expect(this.#seen.has(piece), "no bits under two IDs").toBe(false);
      this.#seen.add(piece);
    }
    this.keys.set(key_ID, key);
    this.fates.set(key_ID, "pending");
    if (owners !== undefined) this.#owners.set(key_ID, owners);
  }

  fetched({ key_ID, key }: Key): void {
    expect(this.keys.get(key_ID) === key, "equal at both ends").toBe(true);
    expect(this.fates.get(key_ID), "never delivered twice").not.toBe("fetched");
    this.fates.set(key_ID, "fetched");
  }

  with(fate: Fate): string[] {
    return [...this.fates].filter(([, each]) => each === fate).map(([id]) => id);
  }

  /** Keys of one fate, those of each pair together. */
  byOwners(
    fate: Fate,
  ): ReadonlyMap<string, { readonly pair: readonly [string, string]; readonly ids: readonly string[] }> {
    const groups = new Map<string, { pair: readonly [string, string]; ids: string[] }>();
    for (const id of this.with(fate)) {
      const pair = this.#owners.get(id);
      if (pair === undefined) continue;
      const group = groups.get(pair.join()) ?? { pair, ids: [] };
      group.ids.push(id);
      groups.set(pair.join(), group);
    }
    return groups;
  }
}
