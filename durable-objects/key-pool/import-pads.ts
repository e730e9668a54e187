/**
 * One-time pad under which keys of a multicast go to the pair's other node. It counts as direct use of the pair's key, so
 * relays leave room for it.
 */
import { fail, fault, type Fault, mandatedFault } from "../../shared/errors/errors.ts";
import { otherNodeOf } from "../../shared/keypool/relay-checks.ts";
import { FIRST_RELAY_SHARD, isRelayShard } from "../../shared/keypool/relay-shard.ts";
import type { DrawnPad, PadCall, PoolToPoolRpc, TakenPad } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type RelayId, TAG_KEY_BYTES } from "../../shared/relay/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commitLeased, type PoolContext } from "./context.ts";
import { drawnOf, recordDrawn, stateOfDrawn, takeDrawn } from "./drawn-bits.ts";
import { boundOf } from "./hops.ts";
import { notEnoughKeys } from "./refusals.ts";
import { findDraw } from "./relay-records.ts";

export interface Pad {
  readonly bytes: number;
  readonly maxHops: number | undefined;
}

/** Opens or brings in at least so many bytes of pad, or says why there are none. */
export type BringPad = (pad: Pad) => Promise<Result<null, Fault>>;

// ---- within this deployment: taken off where it is put on

/** Within one node a key crosses no link, so it needs no pad. */
export const padBytesFor = (pool: PoolContext, bytes: number): number => (pool.pair.low === pool.pair.high ? 0 : bytes);

/** Of keys that other KMSs hand over: they come to the node of their SAE. */
export const bringPad = async (pool: PoolContext, pad: Pad, bring: BringPad): Promise<Result<null, Fault>> =>
  pool.half.ownNode === null
    ? await hasOrGets(pool, pad, bring)
    : fail("no-route", "keys of other KMSs are for SAEs of this deployment");

async function hasOrGets(pool: PoolContext, pad: Pad, bring: BringPad): Promise<Result<null, Fault>> {
  return pad.maxHops === undefined && pool.supply.has(pad.bytes) ? ok(null) : await bring(pad);
}

/** Inside a commit. @returns false where there is too little: then nothing is spent */
export function spendPad(pool: PoolContext, { bytes, maxHops }: Pad, nowMs: number): boolean {
  const pad = pool.books.allocate(bytes, "pad", nowMs, maxHops);
  if (pad === null) return false;
  pool.books.spend(pad);
  pool.linkBudget.asked(bytes * 8, nowMs);
  return true;
}

// ---- between two: drawn at one half, taken at the other

/**
 * The shard of this pair whose bits both halves have: that of its link where one joins the nodes, else one of relayed
 * key. Units of two halves are not lent among shards.
 */
function padShardOf(pool: PoolContext): number {
  const { source, linkShards = 0 } = pool.config();
  if (source !== "relay" || linkShards > 0) return 0;
  return isRelayShard(pool.shard) ? pool.shard : FIRST_RELAY_SHARD;
}

const needOf = (pool: PoolContext, { bytes, maxHops }: Pick<PadCall, "bytes" | "maxHops">): Pad => ({
  bytes: bytes + TAG_KEY_BYTES,
  maxHops: boundOf(pool, maxHops),
});

/** Could it be drawn from this shard now? Reserves nothing. */
async function canDrawPad(
  pool: PoolContext,
  call: Pick<PadCall, "bytes" | "maxHops">,
  bring: BringPad,
): Promise<Result<null, Fault>> {
  const refusal = pool.half.refusal();
  if (refusal !== null) return err(refusal);
  if (call.bytes > LIMITS.relayBytes) {
    return fail("bad-request", `nodes of other deployments get at most ${LIMITS.relayBytes} bytes of keys at once`);
  }
  return await hasOrGets(pool, needOf(pool, call), bring);
}

/** All or none. They are spent whatever becomes of the keys. */
export async function drawPad(pool: PoolContext, call: PadCall, bring: BringPad): Promise<Result<DrawnPad, Fault>> {
  const possible = await canDrawPad(pool, call, bring);
  if (!possible.ok) return possible;
  const node = pool.half.ownNode;
  const to = node === null ? null : otherNodeOf({ pair: pool.pairName, node });
  if (node === null || to === null) return fail("no-route", "both nodes of this pool are hosted here");
  // A name of its own: no relay's steps find these bits.
  const drawn = crypto.randomUUID() as RelayId;
  const cut = await commitLeased(pool, () => {
    const nowMs = Date.now();
    const { bytes: sizeBytes, maxHops } = needOf(pool, call);
    const segments = pool.books.allocate(sizeBytes, stateOfDrawn(pool), nowMs, maxHops);
    if (segments === null) return notEnoughKeys();
    pool.linkBudget.asked(sizeBytes * 8, nowMs);
    pool.books.audit({
      atMs: nowMs,
      act: "keys.import",
      who: call.principal,
      node,
      detail: { pad_bits: call.bytes * 8, to, pool: pool.pairName },
    });
    const hop = { relay: drawn, pair: pool.pairName, shard: FIRST_RELAY_SHARD };
    return ok(recordDrawn(pool, { node, to, hop, sizeBytes, expiresMs: nowMs + LIMITS.relayMs }, segments));
  });
  if (!cut.ok) return cut;
  const told = await drawnOf(pool, cut.value);
  return told.ok ? ok({ ...told.value, drawn }) : told;
}

/** The same bits at the other end, once. `key-not-found`: taken, given up, or drawn for something else. */
export async function takePad(pool: PoolContext, { draw, drawn, bytes }: TakenPad): Promise<Result<Uint8Array, Fault>> {
  return await commitLeased(pool, () => {
    const nowMs = Date.now();
    const record = findDraw(pool, draw);
    const isOurs = record?.hop.relay === drawn && record.announced !== null && record.hop.pair === pool.pairName;
    if (record === undefined || !isOurs || record.sizeBytes !== bytes + TAG_KEY_BYTES) {
      return err(mandatedFault("key-not-found"));
    }
    if (record.state !== "pending" || record.expiresMs <= nowMs)
      return err(fault("key-not-found", "the pad has expired"));
    pool.linkBudget.asked(record.sizeBytes * 8, nowMs);
    return ok(takeDrawn(pool, record));
  });
}

/** The same of whichever shard of the pair has them. */
export class Pads {
  readonly #pool: PoolContext;
  readonly #bring: BringPad;
  readonly #shardOf: (shard: number) => PoolToPoolRpc;

  constructor(pool: PoolContext, bring: BringPad, shardOf: (shard: number) => PoolToPoolRpc) {
    this.#pool = pool;
    this.#bring = bring;
    this.#shardOf = shardOf;
  }

  /** Of this shard: pad within this deployment. */
  async hasOrGets(pad: Pad): Promise<Result<null, Fault>> {
    return await hasOrGets(this.#pool, pad, this.#bring);
  }

  async canDraw(call: Parameters<PoolToPoolRpc["canImport"]>[0]): Promise<Result<null, Fault>> {
    const shard = padShardOf(this.#pool);
    // A sibling asks once: what both know of their pair's link may differ for a moment.
    const isHere = shard === this.#pool.shard || call.isPad === true;
    if (isHere) return await canDrawPad(this.#pool, call, this.#bring);
    return await this.#shardOf(shard).canImport({ ...call, isPad: true });
  }

  async draw(call: PadCall): Promise<Result<DrawnPad, Fault>> {
    const shard = padShardOf(this.#pool);
    if (shard === this.#pool.shard) return await drawPad(this.#pool, call, this.#bring);
    return await this.#shardOf(shard).drawPad(call);
  }

  async take(call: TakenPad): Promise<Result<Uint8Array, Fault>> {
    const { shard } = call.draw;
    if (shard === this.#pool.shard) return await takePad(this.#pool, call);
    if (shard !== 0 && !isRelayShard(shard))
      return fail("bad-request", "the pad lies in no shard that two halves share");
    return await this.#shardOf(shard).takePad(call);
  }
}
