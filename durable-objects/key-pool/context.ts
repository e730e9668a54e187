/** The parts of one KeyPool object that its verbs (enc, dec, ingest ...) work with. */
import type { Fault } from "../../shared/errors/errors.ts";
import { fail, fault } from "../../shared/errors/errors.ts";
import { type NodeId, type Pair, pairName, type PairName, pairOf } from "../../shared/ids.ts";
import type { PoolConfig, Recipient } from "../../shared/keypool/types.ts";
import { err, type Result } from "../../shared/result.ts";
import type { GroupCommit } from "../storage/group-commit.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import type { BlockStore } from "./block-store.ts";
import type { Books } from "./books.ts";
import type { PoolStore } from "./store.ts";
import type { Supply } from "./supply.ts";
import type { UnitCache } from "./unit-cache.ts";
import type { Vault } from "./vault.ts";

export interface PoolContext {
  readonly pairName: PairName;
  readonly pair: Pair;
  readonly shard: number;
  readonly store: PoolStore;
  readonly blocks: BlockStore;
  readonly books: Books;
  readonly supply: Supply;
  readonly cache: UnitCache;
  readonly vault: Vault;
  readonly outbox: AuditOutbox;
  readonly commits: GroupCommit;
  /** 32 random bytes each, made at the object's first start; they never leave it. */
  readonly secrets: { readonly keyId: Uint8Array; readonly fingerprint: Uint8Array };
  /** The configuration in force. */
  config(): PoolConfig;
}

const BUSY: Fault = { ...fault("not-enough-keys", "the key pool is busy, try again"), retryAfterSeconds: 1 };

/**
 * Queues `work` for the next commit.
 * @returns what it returned once it is durable; a full queue or audit outbox is a fault that changed nothing
 */
export async function commit<T>(pool: PoolContext, work: () => Result<T, Fault>): Promise<Result<T, Fault>> {
  if (pool.commits.full) return err(BUSY);
  if (pool.outbox.full() && pool.config().policy.audit_overflow === "refuse") {
    return fail("audit-full", "the audit log is behind: nothing is served before it catches up");
  }
  return await pool.commits.run(work);
}

/** Units opened for one request; nobody else wipes them before it is served. */
export type OpenedUnits = Map<number, Uint8Array>;

/** Opens units that keys point into, so that a commit can read them without waiting. Others find a copy in the cache. */
export async function openUnits(pool: PoolContext, units: readonly number[], opened: OpenedUnits): Promise<void> {
  const sealed = pool.store.sealedUnits(units);
  await Promise.all(
    [...sealed].map(async ([unit, data]) => {
      const plaintext = await pool.vault.open(data);
      pool.cache.put(unit, plaintext.slice());
      opened.set(unit, plaintext);
    }),
  );
}

export function wipe(opened: OpenedUnits): void {
  for (const plaintext of opened.values()) plaintext.fill(0);
}

export const plaintextOf = (pool: PoolContext, unit: number, opened: OpenedUnits): Uint8Array | undefined =>
  opened.get(unit) ?? pool.supply.plaintext(unit) ?? pool.cache.get(unit);

/** Which recipients of a master's keys fetch them from this pool; the others do so from an import elsewhere. */
export const servedHere = (pool: PoolContext, masterNode: NodeId, recipients: readonly Recipient[]): boolean[] =>
  recipients.map(({ node }) => pairName(pairOf(masterNode, node)) === pool.pairName);
