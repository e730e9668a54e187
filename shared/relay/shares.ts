/** Where a target gathers the shares of keys: their XOR so far, and the paths they came over. */
import { copyOf } from "../bytes/copy.ts";
import { type Fault, fail } from "../errors/errors.ts";
import type { NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { areDisjoint, SHARED_BETWEEN } from "./disjoint.ts";
import { HeldKeys } from "./held-keys.ts";
import { xorInto } from "./hop.ts";
import type { RelayTerms } from "./types.ts";

export interface WholeKey {
  /** The caller's from now on, to be wiped. */
  readonly key: Uint8Array;
  /** In the order of the shares. */
  readonly paths: readonly (readonly NodeId[])[];
  /** Of some share. */
  readonly simulated?: true;
}

interface Gathered {
  readonly terms: RelayTerms;
  readonly key: Uint8Array;
  readonly paths: Map<number, readonly NodeId[]>;
  isSimulated: boolean;
}

/** `bytes` is of the keys of which there are some shares. */
export class Shares extends HeldKeys<Gathered> {
  constructor() {
    super({ keys: LIMITS.relayShareKeys, bytes: LIMITS.relayShareBytes });
  }

  /**
   * @param share stays as it is
   * @returns the key once all have come; null before. Faults leave what has come as it was.
   */
  add(terms: RelayTerms, share: Uint8Array, nowMs: number, isSimulated = false): Result<WholeKey | null, Fault> {
    this.expire(nowMs);
    const known = this.find(terms.relay);
    if (known === undefined) return this.#begin(terms, share, isSimulated);
    const flaw = flawBeside(known, terms);
    if (flaw !== null) return fail("conflict", flaw);
    xorInto(known.key, share);
    known.paths.set(terms.share[0], terms.path);
    known.isSimulated ||= isSimulated;
    return ok(this.#whole(known));
  }

  #begin(terms: RelayTerms, share: Uint8Array, isSimulated: boolean): Result<WholeKey | null, Fault> {
    if (!this.hasRoomFor(terms)) return fail("unavailable", "too many keys wait for their other shares");
    const begun = { terms, key: copyOf(share), paths: new Map([[terms.share[0], terms.path]]), isSimulated };
    this.hold(begun);
    return ok(this.#whole(begun));
  }

  #whole(gathered: Gathered): WholeKey | null {
    const { terms, key, paths } = gathered;
    if (paths.size < terms.share[1]) return null;
    this.handOver(gathered);
    const inOrder = [...paths].sort(([a], [b]) => a - b).map(([, path]) => path);
    return { key, paths: inOrder, ...(gathered.isSimulated ? { simulated: true } : {}) };
  }
}

/** @returns why the share is none of that key's, or null */
function flawBeside({ terms, paths }: Gathered, { share, pair, shard, path, bytes, expiresMs }: RelayTerms) {
  const isOfOne =
    share[1] === terms.share[1] &&
    pair === terms.pair &&
    shard === terms.shard &&
    path[0] === terms.path[0] &&
    bytes === terms.bytes &&
    expiresMs === terms.expiresMs;
  if (!isOfOne) return "the shares of a key differ in nothing but their number and path";
  if (paths.has(share[0])) return "this share has come before";
  const isApart = [...paths.values()].every((other) => areDisjoint(other, path));
  return isApart ? null : SHARED_BETWEEN;
}
