/**
 * Multicast to nodes this pool does not serve: the keys are handed to the pools that do, under the same IDs, before
 * the master gets them. Between two nodes a key travels under as many bits of one-time pad of their pool.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { type NodeId, pairName, pairOf, type PairName } from "../../shared/ids.ts";
import type { EncKeysCall, ImportCall, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { asOwn, err, ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext } from "./context.ts";
import { boundOf } from "./hops.ts";
import { padBytesFor, type Pads, spendPad } from "./import-pads.ts";
import { insertImported } from "./imported-keys.ts";
import { importElsewhere } from "./imports-elsewhere.ts";
import type { Participant } from "./publish.ts";
import { notEnoughKeys } from "./refusals.ts";

/** The other pools that serve recipients of this call. */
export function importsOf(pool: PoolContext, call: EncKeysCall): ReadonlySet<PairName> {
  const pairs = new Set(call.recipients.map(({ node }) => pairName(pairOf(call.masterNode, node))));
  pairs.delete(pool.pairName);
  return pairs;
}

/** Asks all of them before a key is cut, so that a multicast that cannot be served consumes nothing. */
export async function canDistribute(
  call: EncKeysCall,
  imports: ReadonlySet<PairName>,
  poolOf: (pair: PairName) => PoolToPoolRpc,
): Promise<Result<null, Fault>> {
  const { configVersion, count, sizeBits, maxHops } = call;
  const question = { configVersion, bytes: (count * sizeBits) / 8, ...boundIfAny(maxHops) };
  const answers = await Promise.all(
    [...imports].map(async (pair) => await reach(() => poolOf(pair).canImport(question))),
  );
  return answers.find((answer) => !answer.ok) ?? ok(null);
}

async function reach(ask: () => Promise<Result<null, Fault>>): Promise<Result<null, Fault>> {
  try {
    return asOwn(await ask());
  } catch {
    return err({ ...fault("not-enough-keys", "a pool of this multicast cannot be reached"), retryAfterSeconds: 1 });
  }
}

/** The answer to `canImport`. */
export async function canImport(pool: PoolContext, call: CanImport, pads: Pads): Promise<Result<null, Fault>> {
  if (pool.half.imports !== null) return await pads.canDraw(call);
  return await pads.hasOrGets({ bytes: padBytesFor(pool, call.bytes), maxHops: boundOf(pool, call.maxHops) });
}

type CanImport = Parameters<PoolToPoolRpc["canImport"]>[0];

const boundIfAny = (maxHops: number | undefined) => (maxHops === undefined ? {} : { maxHops });

/** The other pools, as those who must take part before the keys may be used. */
export function importers(
  pool: PoolContext,
  call: EncKeysCall,
  bytes: Uint8Array,
  imports: ReadonlySet<PairName>,
  poolOf: (pair: PairName) => PoolToPoolRpc,
): Participant[] {
  return [...imports].map((pair) => ({
    join: async (record, expiresMs) => {
      const handed: ImportCall = {
        configVersion: call.configVersion,
        principal: call.principal,
        master: call.master,
        masterNode: call.masterNode,
        recipients: call.recipients,
        nonce: record.nonce,
        mask: pool.secrets.maskOf(record.nonce),
        keys: record.keys,
        sizeBytes: record.sizeBytes,
        bytes,
        expiresMs,
        ...boundIfAny(call.maxHops),
      };
      return await reach(() => poolOf(pair).importKeys(handed));
    },
    leave: async ({ nonce }) => await poolOf(pair).voidImport(nonce),
  }));
}

/** Takes keys of another pool's making in, or hands them to the half that serves their node. */
export async function importKeys(pool: PoolContext, call: ImportCall, pads: Pads): Promise<Result<null, Fault>> {
  const { imports } = pool.half;
  if (imports !== null) return await importElsewhere(pool, imports, call, pads);
  const pad = { bytes: padBytesFor(pool, call.bytes.length), maxHops: boundOf(pool, call.maxHops) };
  const came = await pads.hasOrGets(pad);
  if (!came.ok) return came;
  return await commitLeased(pool, () => {
    const nowMs = Date.now();
    if (!spendPad(pool, pad, nowMs)) return notEnoughKeys();
    pool.records.insertImport(call.nonce, insertImported(pool, call), call.mask);
    pool.books.audit({
      atMs: nowMs,
      act: "keys.import",
      who: call.principal,
      node: pool.pair.low === call.masterNode ? pool.pair.high : pool.pair.low,
      detail: { keys: call.keys, pad_bits: pad.bytes * 8, pool: pool.pairName },
    });
    return ok(null);
  });
}

/** @param from the master's node, where its deployment takes back what it has handed over */
export async function voidImport(pool: PoolContext, nonce: Uint8Array, from?: NodeId): Promise<Result<null, Fault>> {
  const { imports, ownNode } = pool.half;
  if (from === undefined && imports !== null && ownNode !== null) {
    return await imports.voidImport({ pair: pool.pairName, shard: pool.shard, from: ownNode, nonce: toHex(nonce) });
  }
  return await commit(pool, () => {
    const imported = pool.records.import(nonce);
    const record = imported === undefined ? undefined : pool.records.byId(imported.record);
    const isTheirs = record?.imported === true && (from === undefined || record.masterNode === from);
    if (isTheirs) pool.books.endRecord(record);
    return ok(null);
  });
}
