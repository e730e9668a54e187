/** Where a target keeps keys until they have been compared with the initiator's. */
import { copyOf } from "../bytes/copy.ts";
import { type Fault, fail } from "../errors/errors.ts";
import { LIMITS } from "../limits.ts";
import { ok, type Result } from "../result.ts";
import { HeldKeys } from "./held-keys.ts";
import type { WholeKey } from "./shares.ts";
import type { RelayTerms } from "./types.ts";

interface Kept extends WholeKey {
  readonly terms: RelayTerms;
}

export class KeptKeys extends HeldKeys<Kept> {
  constructor() {
    super({ keys: LIMITS.relayKeptKeys, bytes: LIMITS.relayKeptBytes });
  }

  /** @param whole its key stays as it is: it is copied */
  keep(terms: RelayTerms, whole: WholeKey, nowMs: number): Result<null, Fault> {
    this.expire(nowMs);
    if (!this.hasRoomFor(terms)) return fail("unavailable", "too many keys wait to be compared");
    this.hold({ ...whole, terms, key: copyOf(whole.key) });
    return ok(null);
  }

  /** The caller's from now on, to be wiped. Terms that are not those it came by leave it where it is. */
  take(terms: RelayTerms, nowMs: number): Result<WholeKey, Fault> {
    this.expire(nowMs);
    const kept = this.find(terms.relay);
    if (kept === undefined || !isOf(kept, terms)) return fail("conflict", "no key of this relay waits to be compared");
    this.handOver(kept);
    const { terms: _terms, ...whole } = kept;
    return ok(whole);
  }
}

const isOf = ({ terms, paths }: Kept, { pair, shard, path, share, bytes, expiresMs }: RelayTerms): boolean =>
  pair === terms.pair &&
  shard === terms.shard &&
  bytes === terms.bytes &&
  expiresMs === terms.expiresMs &&
  share[1] === terms.share[1] &&
  JSON.stringify(paths[share[0]]) === JSON.stringify(path);
