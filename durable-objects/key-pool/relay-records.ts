/**
 * What was drawn for a hop (relay over trusted nodes): one key record of one "key", pad and tag key together, which the
 * other node of the link takes. So the ledger, expiry, voids, epochs, roll-backs and halves know it as any other record.
 * It is nobody's key: master and recipient have no SAE, and no key ID finds it (read-keys.ts).
 */
import { fromHex } from "../../shared/bytes/hex.ts";
import type { SaeId } from "../../shared/ids.ts";
import { NONCE_BYTES } from "../../shared/keypool/key-id.ts";
import type { HopOf } from "../../shared/keypool/relay-checks.ts";
import { type LinkDraw, type RelayId, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { hostedNodeOf, type PoolContext } from "./context.ts";
import type { KeyRecord } from "./rows.ts";

/** No SAE has an empty id, and no relay: a record of "no relay" is a run that hops are drawn out of (hop-run.ts). */
export const NO_SAE = "" as SaeId;
export const RUN = "" as RelayId;

export interface HopRecord extends KeyRecord {
  readonly hop: HopOf;
}

export const isHop = (record: KeyRecord): record is HopRecord => record.hop !== null;
export const isRun = (record: KeyRecord): boolean => record.hop?.relay === RUN;

/** The record of a draw, which its own half or the other has made; undefined where there is none (any more). */
export function findDraw(pool: PoolContext, { shard, record: number, nonce: text }: LinkDraw): HopRecord | undefined {
  const nonce = typeof text === "string" ? fromHex(text) : null;
  if (shard !== pool.shard || nonce?.length !== NONCE_BYTES || !Number.isSafeInteger(number)) return undefined;
  const own = pool.records.byId(number);
  const isOwn = own?.announced === null && crypto.subtle.timingSafeEqual(own.nonce, nonce);
  const record = isOwn ? own : pool.records.byId(pool.records.import(nonce)?.record ?? 0);
  if (record === undefined || !isHop(record)) return undefined;
  return isOwn || record.announced === number ? record : undefined;
}

/** Inside a commit: the other node has the bits, and nobody may read them again. */
export function endTaken(pool: PoolContext, record: HopRecord): void {
  pool.books.move("pending", "pad", (record.sizeBytes - TAG_KEY_BYTES) * 8);
  pool.books.move("pending", "tag", TAG_KEY_BYTES * 8);
  pool.books.endRecord(record);
}

/** What ended before anybody took it. */
export interface Untaken {
  readonly draws: number;
  /** Of runs, which may be whole: also of what was drawn from them and taken before a crash, and not recorded. */
  readonly runBytes?: number;
}

/** Inside a commit: draws ended before anybody took them. One event for those of one step. */
export function auditUntaken(
  pool: PoolContext,
  { draws, runBytes = 0, act, who }: Untaken & { readonly act: "relay.expired" | "relay.void"; readonly who: string },
  nowMs: number,
): void {
  if (draws === 0 && runBytes === 0) return;
  const run = runBytes === 0 ? {} : { run_bits: runBytes * 8 };
  pool.books.audit({ atMs: nowMs, act, who, node: hostedNodeOf(pool), detail: { draws, ...run, pool: pool.pairName } });
}
