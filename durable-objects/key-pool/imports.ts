/**
 * Multicast to nodes this pool does not serve: the keys are handed to the pools that do, under the same IDs, before
 * the master gets them. Between adjacent nodes a key travels under as many bits of one-time pad of that pool.
 */
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { pairName, pairOf, type PairName } from "../../shared/ids.ts";
import type { EncKeysCall, ImportCall, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext, servedHere } from "./context.ts";
import { initialLeft } from "./left.ts";
import type { Participant } from "./publish.ts";
import { notEnoughKeys } from "./refusals.ts";
import { type KeyRecord, UNTOUCHED } from "./rows.ts";

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
  const question = { configVersion: call.configVersion, bytes: (call.count * call.sizeBits) / 8 };
  const answers = await Promise.all(
    [...imports].map(async (pair) => await reach(() => poolOf(pair).canImport(question))),
  );
  return answers.find((answer) => !answer.ok) ?? ok(null);
}

async function reach(ask: () => Promise<Result<null, Fault>>): Promise<Result<null, Fault>> {
  try {
    return await ask();
  } catch {
    return err({ ...fault("not-enough-keys", "a pool of this multicast cannot be reached"), retryAfterSeconds: 1 });
  }
}

/** The answer to `canImport`. @param refill opens or brings in at least so many bytes of pad */
export async function canImport(
  pool: PoolContext,
  bytes: number,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<null, Fault>> {
  if (pool.half.ownNode !== null) return notOverHalves();
  return (await hasOrGets(pool, padBytesFor(pool, bytes), refill)) ? ok(null) : notEnoughKeys();
}

/** The pad would have to be taken off in the other deployment. */
const notOverHalves = () => fail("no-route", "a multicast reaches no nodes of other deployments but on its own path");

async function hasOrGets(pool: PoolContext, bytes: number, refill: (bytes: number) => Promise<boolean>) {
  return pool.supply.has(bytes) || (await refill(bytes));
}

/** Within one node a key crosses no link, so it needs no pad. */
const padBytesFor = (pool: PoolContext, bytes: number): number => (pool.pair.low === pool.pair.high ? 0 : bytes);

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
      };
      return await reach(() => poolOf(pair).importKeys(handed));
    },
    leave: async ({ nonce }) => await poolOf(pair).voidImport(nonce),
  }));
}

/** Takes keys of another pool's making in. @param refill opens or brings in at least so many bytes of pad */
export async function importKeys(
  pool: PoolContext,
  call: ImportCall,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<null, Fault>> {
  if (pool.half.ownNode !== null) return notOverHalves();
  const padBytes = padBytesFor(pool, call.bytes.length);
  if (!(await hasOrGets(pool, padBytes, refill))) return notEnoughKeys();
  return await commitLeased(pool, () => {
    const nowMs = Date.now();
    const pad = pool.books.allocate(padBytes, "pad", nowMs);
    if (pad === null) return notEnoughKeys();
    pool.books.spend(pad);
    const unit = pool.books.nextUnit();
    const id = pool.books.totals.nextRecord;
    pool.books.count({ nextRecord: id + 1, imported: pool.books.totals.imported + call.bytes.length * 8 });
    const length = call.bytes.length;
    pool.books.insertUnit({
      id: unit,
      block: 0,
      offset: 0,
      length,
      ...UNTOUCHED,
      cursor: length,
      state: "import",
      owner: call.masterNode,
      data: pool.vault.seal(call.bytes),
    });
    const record: KeyRecord = {
      id,
      nonce: call.nonce,
      state: "pending",
      master: call.master,
      masterNode: call.masterNode,
      recipients: call.recipients,
      keys: call.keys,
      sizeBytes: call.sizeBytes,
      segments: [{ unit, offset: 0, length }],
      left: initialLeft(servedHere(pool, call.masterNode, call.recipients), call.keys),
      imported: true,
      policyVersion: pool.config().version,
      expiresMs: call.expiresMs,
      holdUntilMs: 0,
      announced: null,
      chunks: null,
    };
    pool.records.insert(record);
    pool.records.insertImport(call.nonce, id, call.mask);
    pool.useLease(call.keys);
    pool.books.reference(record.segments);
    pool.books.audit({
      atMs: nowMs,
      act: "keys.import",
      who: call.principal,
      node: pool.pair.low === call.masterNode ? pool.pair.high : pool.pair.low,
      detail: { keys: call.keys, pad_bits: padBytes * 8, pool: pool.pairName },
    });
    return ok(null);
  });
}

export async function voidImport(pool: PoolContext, nonce: Uint8Array): Promise<Result<null, Fault>> {
  return await commit(pool, () => {
    const imported = pool.records.import(nonce);
    const record = imported === undefined ? undefined : pool.records.byId(imported.record);
    if (record === undefined) return ok(null);
    pool.books.endRecord(record);
    return ok(null);
  });
}
