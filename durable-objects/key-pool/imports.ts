/**
 * Multicast to nodes this pool does not serve: the keys are handed to the pools that do, under the same IDs, before
 * the master gets them. Between adjacent nodes a key travels under as many bits of one-time pad of that pool.
 */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { pairName, pairOf, type PairName } from "../../shared/ids.ts";
import type { EncKeysCall, ImportCall, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commit, commitLeased, type PoolContext, servedHere } from "./context.ts";
import type { Allocated } from "./enc-keys.ts";
import { initialLeft } from "./left.ts";
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
  return (await hasOrGets(pool, padBytesFor(pool, bytes), refill)) ? ok(null) : notEnoughKeys();
}

async function hasOrGets(pool: PoolContext, bytes: number, refill: (bytes: number) => Promise<boolean>) {
  return pool.supply.has(bytes) || (await refill(bytes));
}

/** Within one node a key crosses no link, so it needs no pad. */
const padBytesFor = (pool: PoolContext, bytes: number): number => (pool.pair.low === pool.pair.high ? 0 : bytes);

/**
 * Hands reserved keys to the other pools and then publishes them here. If one of them cannot take part, the keys are
 * voided everywhere.
 */
export async function distribute(
  pool: PoolContext,
  call: EncKeysCall,
  allocated: Allocated,
  imports: ReadonlySet<PairName>,
  poolOf: (pair: PairName) => PoolToPoolRpc,
): Promise<Result<Allocated, Fault>> {
  const { record, grant } = allocated;
  if (record === undefined) return ok(allocated);
  const expiresMs = Date.now() + pool.config().policy.key_ttl_s * 1000;
  const results = await Promise.all(
    [...imports].map(async (pair) => {
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
        bytes: grant.bytes,
        expiresMs,
      };
      return await reach(() => poolOf(pair).importKeys(handed));
    }),
  );
  const failed = results.find((result) => !result.ok);
  const published = failed ?? (await commit(pool, () => publish(pool, record.id, expiresMs)));
  if (published.ok) return ok(allocated);
  await Promise.allSettled([...imports].map(async (pair) => await poolOf(pair).voidImport(record.nonce)));
  const voided = await commit(pool, () => voidReserved(pool, record.id, call));
  return voided.ok ? published : voided;
}

function publish(pool: PoolContext, id: number, expiresMs: number): Result<null, Fault> {
  const record = pool.records.byId(id);
  if (record === undefined) return notEnoughKeys(); // voided meanwhile
  pool.records.update({ ...record, state: "pending", expiresMs });
  pool.books.move("reserved", "pending", record.keys * record.sizeBytes * 8);
  return ok(null);
}

function voidReserved(pool: PoolContext, id: number, call: EncKeysCall): Result<null, Fault> {
  if (call.idempotency !== undefined) pool.records.deleteRepeat(call.principal, call.idempotency.key);
  const record = pool.records.byId(id);
  if (record === undefined) return ok(null);
  pool.books.move("reserved", "voided", record.keys * record.sizeBytes * 8);
  pool.books.endRecord(record);
  return ok(null);
}

/** Takes keys of another pool's making in. @param refill opens or brings in at least so many bytes of pad */
export async function importKeys(
  pool: PoolContext,
  call: ImportCall,
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<null, Fault>> {
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
