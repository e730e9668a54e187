/** ETSI GS QKD 014 clause 5.3, Get key: bits become keys, pending until their slaves fetch them. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { PairName } from "../../shared/ids.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import { firstId, type KeyIdRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import type { EncKeysCall, KeyGrant, PoolToPoolRpc } from "../../shared/keypool/types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { commitLeased, type PoolContext, servedHere } from "./context.ts";
import { canDistribute, importers, importsOf } from "./imports.ts";
import { boundOf } from "./hops.ts";
import { initialLeft } from "./left.ts";
import { publishWithAll } from "./publish.ts";
import { grantOf } from "./read-keys.ts";
import type { Need } from "./refill.ts";
import { busy } from "./refusals.ts";
import { answerRepeat, graceOf, rememberRepeat } from "./repeats.ts";
import type { KeyRecord } from "./rows.ts";

/** A pool so busy that a caller gets no turn within this time says so. */
const PATIENCE_MS = 5000;
const RESERVED_MS = 60_000;

interface Allocated {
  readonly grant: KeyGrant<KeyIdRun>;
  /** Undefined for the repeat of an earlier request. */
  readonly record: KeyRecord | undefined;
}

export interface EncReach {
  readonly poolOf: (pair: PairName) => PoolToPoolRpc;
  /** Brings in what is needed, or says why it does not: see `Refill.bytes`. */
  readonly refill: (need: Need) => Promise<Result<null, Fault>>;
  /** Keys that somebody may wait for are published, or will never be. */
  readonly published: () => void;
}

/** Answers once all who must take part have the keys: the other pools of a multicast, and this pool's other half. */
export async function giveKeys(
  pool: PoolContext,
  call: EncKeysCall,
  reach: EncReach,
): Promise<Result<KeyGrant<KeyIdRun>, Fault>> {
  if (!pool.half.serves(call.masterNode)) return fail("no-route", "the master's node is not hosted here");
  const refusal = pool.half.refusal();
  if (refusal !== null) return err(refusal);
  const imports = importsOf(pool, call);
  const isShared = imports.size > 0 || pool.half.ownNode !== null;
  if (isShared && call.waits === false) return fail("on-its-way", "others must take part in these keys");
  const possible = await canDistribute(call, imports, reach.poolOf);
  if (!possible.ok) return possible;
  const claim = { isHeld: false };
  const allocated = await allocateKeys(pool, call, isShared ? "reserved" : "pending", { ...reach, claim });
  if (claim.isHeld && (!allocated.ok || allocated.value.record === undefined)) pool.quotas.release(call, Date.now());
  if (!allocated.ok) return allocated;
  const { grant, record } = allocated.value;
  if (!isShared || record === undefined) return ok(grant);
  const otherHalf = { join: pool.half.acknowledged.bind(pool.half), leave: async () => {} };
  const participants = [otherHalf, ...importers(pool, call, grant.bytes, imports, reach.poolOf)];
  const published = await publishWithAll(pool, call, record, participants);
  reach.published();
  return published.ok ? ok(grant) : published;
}

/** Other shards have to be asked whether the master's quota allows it. */
const UNCLAIMED = "unclaimed";

/**
 * Cuts the keys asked for, all or none.
 * @param state `reserved` where others must take part before the keys may be used
 * @param reach `refill` as of EncReach; `claim` is told whether something was claimed
 */
async function allocateKeys(
  pool: PoolContext,
  call: EncKeysCall,
  state: "reserved" | "pending",
  { refill, claim }: Pick<EncReach, "refill"> & { readonly claim: { isHeld: boolean } },
): Promise<Result<Allocated, Fault>> {
  for (const endMs = Date.now() + PATIENCE_MS; Date.now() < endMs;) {
    const result = await commitLeased(pool, () => cut(pool, call, state, Date.now()));
    if (!result.ok) {
      if (result.error.code === "over-quota" && (await pool.quotas.isWorthAnotherTry(call))) continue;
      return result;
    }
    if (result.value === UNCLAIMED) {
      if (call.waits === false) return fail("on-its-way", "other shards count these keys, too");
      const claimed = await pool.quotas.claim(call);
      if (!claimed.ok) return claimed;
      claim.isHeld = true;
      continue;
    }
    if (result.value !== null) return ok(result.value);
    const bytes = (call.count * call.sizeBits) / 8;
    const came = await refill({ bytes, maxHops: boundOf(pool, call.maxHops), waits: call.waits !== false });
    if (came.ok) continue;
    if (came.error.code !== "on-its-way") pool.quotas.unserved(call, Date.now());
    return came;
  }
  return busy();
}

/** @returns null where the supply is too short */
function cut(
  pool: PoolContext,
  call: EncKeysCall,
  state: "reserved" | "pending",
  nowMs: number,
): Result<Allocated | typeof UNCLAIMED | null, Fault> {
  const repeated = answerRepeat(pool, call.principal, call.idempotency, nowMs);
  if (repeated !== undefined) return repeated.ok ? ok({ grant: repeated.value, record: undefined }) : repeated;
  if (!pool.quotas.isClaimed(call, nowMs)) return ok(UNCLAIMED);
  const refused = pool.quotas.refusal(call, nowMs);
  if (refused !== null) return err(refused);
  const segments = pool.books.allocate((call.count * call.sizeBits) / 8, state, nowMs, boundOf(pool, call.maxHops));
  if (segments === null) return ok(null);
  const { policy, version } = pool.config();
  const id = pool.books.totals.nextRecord;
  pool.books.count({ nextRecord: id + 1 });
  const graceUntilMs = graceOf(pool, call.idempotency, nowMs);
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
    announced: null,
    chunks: null,
    hop: null,
  };
  pool.records.insert(record);
  pool.quotas.took(call, nowMs);
  pool.useLease(call.count);
  pool.books.reference(segments);
  if (state === "reserved") pool.half.announce(record, nowMs + policy.key_ttl_s * 1000);
  const run = writeKeyIds(record.nonce, pool.secrets.maskOf(record.nonce), id, call.count);
  const grant = grantOf(pool, [{ run, record, indices: Array.from({ length: call.count }, (_, index) => index) }]);
  rememberRepeat(pool, call.principal, call.idempotency, [run], graceUntilMs);
  pool.books.audit({
    atMs: nowMs,
    act: "keys.enc",
    who: call.principal,
    node: call.masterNode,
    detail: {
      first_key_id: firstId(run),
      keys: call.count,
      size_bits: call.sizeBits,
      slaves: call.recipients.map(({ sae }) => sae).join(" "),
      pool: pool.pairName,
    },
  });
  return ok({ grant, record });
}
