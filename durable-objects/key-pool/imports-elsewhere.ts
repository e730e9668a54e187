/**
 * Multicast to a node of another deployment: this deployment's half of that pair hands the keys to the other's, under
 * pad and tag of the pair's own bits. Nothing of them is kept here; there they are imports like any others.
 */
import { fromHex, toHex } from "../../shared/bytes/hex.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import {
  flawOfImport,
  type ImportsElsewhere,
  openImport,
  type SealedImport,
  sealImport,
} from "../../shared/keypool/sealed-import.ts";
import type { ImportCall } from "../../shared/keypool/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext } from "./context.ts";
import type { Pads } from "./import-pads.ts";
import { insertImported } from "./imported-keys.ts";

type Outcome = Result<null, Fault>;

export async function importElsewhere(
  pool: PoolContext,
  imports: ImportsElsewhere,
  call: ImportCall,
  pads: Pads,
): Promise<Outcome> {
  const { configVersion, principal, master, masterNode: from, recipients, keys, sizeBytes, bytes, expiresMs } = call;
  const bound = call.maxHops === undefined ? {} : { maxHops: call.maxHops };
  const pad = await pads.draw({ configVersion, principal, bytes: bytes.length, ...bound });
  if (!pad.ok) return pad;
  const { draw, drawn } = pad.value;
  const { pairName: pair, shard } = pool;
  const ids = { nonce: toHex(call.nonce), mask: toHex(call.mask) };
  const terms = { pair, shard, from, master, recipients, ...ids, keys, sizeBytes, expiresMs, draw, drawn };
  return await imports.importKeys(sealImport(terms, pad.value.bytes, bytes));
}

/** What the other deployment's half hands over. */
export async function receiveImport(pool: PoolContext, call: SealedImport, pads: Pads): Promise<Outcome> {
  const { ownNode: own } = pool.half;
  const other = own === pool.pair.low ? pool.pair.high : pool.pair.low;
  if (own === null) return fail("no-route", "both nodes of this pool are hosted here");
  const flaw = flawOfImport(call, { pair: pool.pairName, shard: pool.shard, own, other });
  if (flaw !== null) return fail("bad-request", flaw);
  const { draw, drawn } = call;
  const taken = await pads.take({ draw, drawn, bytes: call.ciphertext.length });
  if (!taken.ok) return taken;
  const bytes = openImport(call, taken.value);
  if (bytes === null) return await refuseForged(pool, other);
  try {
    return await commitLeased(pool, () => takeIn(pool, call, bytes));
  } finally {
    bytes.fill(0);
  }
}

async function refuseForged(pool: PoolContext, other: string): Promise<Outcome> {
  return await commit(pool, () => {
    const detail = "keys came under a tag that is not of the pair's own bits: they were refused";
    pool.standingAlarms.raise("halves-disagree", other, detail, { nowMs: Date.now() });
    return fail("forbidden", "the tag is not of these keys");
  });
}

function takeIn(pool: PoolContext, call: SealedImport, bytes: Uint8Array): Outcome {
  const nowMs = Date.now();
  const nonce = fromHex(call.nonce) ?? new Uint8Array();
  if (pool.records.import(nonce) !== undefined) return fail("conflict", "these key IDs are known already");
  const { master, from: masterNode, recipients, keys, sizeBytes } = call;
  const expiresMs = Math.min(call.expiresMs, nowMs + pool.config().policy.key_ttl_s * 1000);
  const imported = { nonce, master, masterNode, recipients, keys, sizeBytes, bytes, expiresMs };
  pool.records.insertImport(nonce, insertImported(pool, imported), fromHex(call.mask) ?? new Uint8Array());
  pool.books.audit({
    atMs: nowMs,
    act: "keys.import",
    who: `node:${masterNode}`,
    node: pool.half.ownNode ?? masterNode,
    detail: { keys, pad_bits: bytes.length * 8, pool: pool.pairName },
  });
  return ok(null);
}
