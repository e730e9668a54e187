/** ETSI GS QKD 014 clause 5.3, Get key: bits become keys, pending until their slaves fetch them. */
import { err, ok, type Result } from "../../shared/result.ts";
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import type { KeyId } from "../../shared/ids.ts";
import { makeNonce, maskOf, writeKeyIds } from "../../shared/keypool/key-id.ts";
import type { EncKeysCall, Idempotency, KeyGrant } from "../../shared/keypool/types.ts";
import { commit, openUnits, type OpenedUnits, type PoolContext, servedHere, wipe } from "./context.ts";
import { initialLeft } from "./left.ts";
import { closedUnits, findKeys, type FoundKey, grantOf } from "./read-keys.ts";
import type { KeyRecord } from "./rows.ts";

/** A pool so busy that a caller gets no turn within this time says so. */
const PATIENCE_MS = 5000;
const ATTEMPTS = 8;
const RESERVED_MS = 60_000;

export interface Allocated {
  readonly grant: KeyGrant;
  /** Undefined for the repeat of an earlier request. */
  readonly record: KeyRecord | undefined;
}

/**
 * Cuts the keys asked for, all or none.
 * @param state `reserved` where other pools must take part before the keys may be used
 * @param refill opens or brings in at least so many bytes; false where there are none
 */
export async function allocateKeys(
  pool: PoolContext,
  call: EncKeysCall,
  state: "reserved" | "pending",
  refill: (bytes: number) => Promise<boolean>,
): Promise<Result<Allocated, Fault>> {
  const bytes = (call.count * call.sizeBits) / 8;
  for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs;) {
    const repeated = await repeatOf(pool, call.principal, call.idempotency);
    if (repeated !== undefined) return repeated.ok ? ok({ grant: repeated.value, record: undefined }) : repeated;
    if (!pool.supply.has(bytes) && !(await refill(bytes))) return notEnoughKeys();
    const result = await commit(pool, () => ok(cut(pool, call, bytes, state, Date.now())));
    if (!result.ok) return result;
    if (result.value !== undefined) return ok(result.value);
  }
  return busy();
}

function cut(pool: PoolContext, call: EncKeysCall, bytes: number, state: "reserved" | "pending", nowMs: number) {
  // The same request twice at once: the second one finds the first one's repeat row on its next attempt.
  if (call.idempotency !== undefined && findRepeat(pool, call.principal, call.idempotency, nowMs) !== undefined) {
    return undefined;
  }
  const segments = pool.books.allocate(bytes, state);
  if (segments === null) return undefined;
  const { policy, version } = pool.config();
  const id = pool.books.totals.nextRecord;
  pool.books.count({ nextRecord: id + 1 });
  const graceUntilMs = call.idempotency === undefined ? 0 : nowMs + policy.delivery_grace_s * 1000;
  const record: KeyRecord = {
    id,
    nonce: makeNonce(crypto.getRandomValues(new Uint8Array(8)), pool.shard),
    state,
    master: call.master,
    masterNode: call.masterNode,
    recipients: call.recipients,
    keys: call.count,
    sizeBytes: call.sizeBits / 8,
    segments,
    left: initialLeft(servedHere(pool, call.masterNode, call.recipients), call.count),
    imported: false,
    policyVersion: version,
    // Should the other pools never answer, the bits are not held up for a key's whole life.
    expiresMs: nowMs + (state === "reserved" ? RESERVED_MS : policy.key_ttl_s * 1000),
    holdUntilMs: graceUntilMs,
  };
  pool.store.insertRecord(record);
  pool.books.reference(segments);
  const keyIds = writeKeyIds(record.nonce, maskOf(pool.secrets.keyId, record.nonce), id, call.count);
  const grant = grantOf(
    pool,
    keyIds.map((keyId, index): FoundKey => ({ keyId, record, index })),
    new Map(),
  );
  rememberRepeat(pool, call.principal, call.idempotency, keyIds, graceUntilMs);
  pool.books.audit({
    atMs: nowMs,
    act: "keys.enc",
    who: call.principal,
    node: call.masterNode,
    detail: {
      first_key_id: keyIds[0] ?? null,
      keys: call.count,
      size_bits: call.sizeBits,
      slaves: call.recipients.map(({ sae }) => sae).join(" "),
      pool: pool.pairName,
    },
  });
  return { grant, record };
}

/** Keys of an earlier request with the same Idempotency-Key; undefined where there are none (any more). */
export function findRepeat(pool: PoolContext, principal: string, { key }: Idempotency, nowMs: number) {
  const row = pool.store.repeat(principal, key, nowMs);
  if (row === undefined) return undefined;
  const keys = findKeys(pool, row.keyIds as KeyId[], nowMs).filter((found) => found !== undefined);
  return keys.length === row.keyIds.length ? { requestDigest: row.requestDigest, keys } : undefined;
}

/** The container of an earlier request with the same Idempotency-Key, while its grace lasts; undefined where there is none. */
export async function repeatOf(
  pool: PoolContext,
  principal: string,
  idempotency: Idempotency | undefined,
): Promise<Result<KeyGrant, Fault> | undefined> {
  if (idempotency === undefined) return undefined;
  const opened: OpenedUnits = new Map();
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const repeat = findRepeat(pool, principal, idempotency, Date.now());
      if (repeat === undefined) return undefined;
      if (repeat.requestDigest !== idempotency.requestDigest) {
        return fail("idempotency-mismatch", "this Idempotency-Key was used for another request");
      }
      // Not the client's yet: the first of these requests is still under way.
      if (repeat.keys.some(({ record }) => record.state === "reserved")) return busy();
      const closed = closedUnits(pool, repeat.keys, opened);
      if (closed.length === 0) return ok(grantOf(pool, repeat.keys, opened));
      await openUnits(pool, closed, opened);
    }
    return busy();
  } finally {
    wipe(opened);
  }
}

export function rememberRepeat(
  pool: PoolContext,
  principal: string,
  idempotency: Idempotency | undefined,
  keyIds: readonly string[],
  expiresMs: number,
): void {
  if (idempotency === undefined) return;
  pool.store.insertRepeat({
    principal,
    key: idempotency.key,
    requestDigest: idempotency.requestDigest,
    keyIds,
    expiresMs,
  });
}

export const busy = () =>
  err<Fault>({ ...fault("not-enough-keys", "the key pool is busy, try again"), retryAfterSeconds: 1 });

export const notEnoughKeys = () =>
  err<Fault>({ ...fault("not-enough-keys", "not enough keys available"), retryAfterSeconds: 1 });
