/**
 * The pool's right to work. It takes in, gives out and moves key material only while it holds a lease that the
 * Directory granted since the object started, and takes a new one every so many keys; so an old copy of its storage
 * shows before a bit of it is used, and everything in it is voided. A copy younger than the last lease shows by the
 * audit logs, which know the pool's events but for those of the last second or so.
 *
 * What costs nothing when all is well: a request looks at one boolean. Without the Directory a pool goes on for as
 * long as its lease lasts. While the Directory is of the release before, which knows no leases, it works without one.
 */
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { isMissingMethod } from "../../shared/missing-method.ts";
import type { LeaseAnswer, LeaseCall } from "../../shared/network/directory-types.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_UNREACHABLE } from "../known-network.ts";
import { commit, type PoolContext } from "./context.ts";
import { type ForgottenEvents, type LeaseState, readLease, type RollBackSign, writeLease } from "./lease-state.ts";
import { logUnavailable, rolledBack } from "./refusals.ts";
import { voidEverything } from "./roll-back.ts";

export interface LeaseReach {
  /** `poolName(pair, shard)`. */
  readonly pool: string;
  /** Name of the pool in audit logs. */
  readonly source: string;
  /** Generation of the deployment. */
  readonly deployment: string;
  readonly leasePool: (call: LeaseCall) => Promise<LeaseAnswer>;
  readonly logOf: (node: string) => Pick<AuditLogRpc, "reported">;
  /** Work that no request waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

type Outcome = Result<null, Fault>;

/** After the Directory could not be reached for a renewal. */
const RETRY_MS = 1000;
/** After it turned out to be of the release before, which knows no leases. */
const UNKNOWN_RETRY_MS = 10_000;
/** How long a request waits for the voiding of everything before it is told to come again. */
const PATIENCE_MS = 5000;

export class PoolLease {
  readonly #pool: PoolContext;
  readonly #reach: LeaseReach;
  #open = false;
  /** Has this instance looked at the generation and the logs? Nothing else can change under it. */
  #looked = false;
  #keys = 0;
  /** Goes on without a lease, as the Directory is of the release before. */
  #withoutLease = false;
  #retryAtMs = 0;
  #taking: Promise<Outcome> | undefined;
  #voiding: Promise<Outcome> | undefined;

  constructor(pool: PoolContext, reach: LeaseReach) {
    this.#pool = pool;
    this.#reach = reach;
  }

  /** May the pool work? To be looked at in the very commit that gives something out. */
  get open(): boolean {
    return this.#open;
  }

  /**
   * Grows whenever the pool has voided all it had. By the Directory's count: the pool's own may come from an old copy,
   * and would give the same number twice.
   */
  get since(): number {
    return this.#read().since ?? 1;
  }

  /** Resolves when the pool may work, or says why not. */
  async ready(): Promise<Outcome> {
    if (this.#open) return READY;
    if (this.#voiding === undefined) {
      this.#taking ??= this.#take();
      const taken = await this.#taking;
      if (this.#voiding === undefined) return taken;
    }
    const voided = await within(this.#voiding, PATIENCE_MS);
    if (voided === undefined) return rolledBack();
    return voided.ok ? await this.ready() : voided;
  }

  /** Counts keys cut, delivered, lent or imported; a lease is good for so many. Inside a commit. */
  use(keys: number): void {
    this.#keys += keys;
    if (this.#keys < LIMITS.leaseKeys && !this.#withoutLease) return;
    if (this.#keys >= 2 * LIMITS.leaseKeys) this.#open = false;
    if (this.#taking !== undefined || Date.now() < this.#retryAtMs) return;
    // Not before the commit that is being made has ended: this takes one of its own.
    this.#taking = Promise.resolve().then(async () => await this.#take());
    this.#reach.background(this.#taking);
  }

  async #take(): Promise<Outcome> {
    try {
      const taken = await this.#ask();
      this.#retryAtMs = !taken.ok ? Date.now() + RETRY_MS : this.#withoutLease ? Date.now() + UNKNOWN_RETRY_MS : 0;
      return taken;
    } finally {
      this.#taking = undefined;
    }
  }

  async #ask(): Promise<Outcome> {
    let state = this.#read();
    if (state.voiding !== null) return this.#void();
    if (!this.#looked) {
      const looked = await this.#look(state);
      if (!looked.ok) return looked;
      if (looked.value !== null) return await this.#rollBack(looked.value);
    }
    // A lease asked for before a crash tells nothing of what came after it: it takes one more.
    for (let asks = state.next === null ? 1 : 2; asks > 0; asks--) {
      const answer = await this.#askOnce(state);
      if (!answer.ok) return answer;
      if (answer.value === "rolled-back") return await this.#rollBack("lease");
      this.#withoutLease = answer.value === "unknown";
      if (answer.value === "unknown") break;
      state = answer.value;
    }
    this.#looked = true;
    this.#keys = 0;
    this.#open = true;
    return READY;
  }

  /** What this instance finds of its past; null where all is well. */
  async #look(state: LeaseState): Promise<Result<RollBackSign | null, Fault>> {
    if (state.deployment !== this.#reach.deployment) return ok("generation");
    const forgotten = await this.#forgottenEvents();
    return forgotten.ok ? ok(forgotten.value.length > 0 ? "audit-log" : null) : forgotten;
  }

  /** @returns `rolled-back` where the Directory knows more than the pool, `unknown` where it knows no leases */
  async #askOnce(before: LeaseState): Promise<Result<LeaseState | "rolled-back" | "unknown", Fault>> {
    const state = { ...before, next: before.next ?? crypto.randomUUID() };
    const asked = before.next === null ? await this.#write(state) : READY;
    if (!asked.ok) return asked;
    const { generation, held, next, voided } = state;
    let answer: LeaseAnswer;
    try {
      answer = await this.#reach.leasePool({ pool: this.#reach.pool, generation, held, next, voided });
    } catch (error) {
      if (isMissingMethod(error)) return ok("unknown");
      return err(DIRECTORY_UNREACHABLE);
    }
    if (answer.outcome === "rolled-back") return ok("rolled-back");
    const since = state.voided ? { since: answer.lease.sequence } : {};
    const leased = { ...state, ...since, held: answer.lease, next: null, voided: false };
    const stored = await this.#write(leased);
    return stored.ok ? ok(leased) : stored;
  }

  /** From here on nothing in this storage is used any more, whatever crashes. */
  async #rollBack(sign: RollBackSign): Promise<Outcome> {
    this.#open = false;
    const forgotten = await this.#forgottenEvents();
    if (!forgotten.ok) return forgotten;
    const begun = await commit(this.#pool, () => {
      const pool = this.#pool;
      writeLease(pool.store, { ...this.#read(), voiding: { sign, forgotten: forgotten.value } });
      // What is pending here is in that log already; new events go on after what it has.
      for (const { node, toSeq } of forgotten.value) pool.outbox.skipTo(node, toSeq);
      pool.standingAlarms.raise("state-rolled-back", this.#reach.pool, SIGNS[sign], { nowMs: Date.now() });
      return ok(null);
    });
    return begun.ok ? this.#void() : begun;
  }

  #void(): Outcome {
    this.#voiding ??= this.#finishVoiding().finally(() => {
      this.#voiding = undefined;
    });
    this.#reach.background(this.#voiding);
    return rolledBack();
  }

  async #finishVoiding(): Promise<Outcome> {
    const state = this.#read();
    const voided = await voidEverything(this.#pool, state.voiding?.forgotten ?? [], this.#reach);
    if (!voided.ok) return voided;
    const { deployment } = this.#reach;
    const written = await this.#write({
      ...state,
      generation: state.generation + 1,
      deployment,
      next: null,
      voided: true,
      voiding: null,
    });
    this.#looked = written.ok;
    return written;
  }

  /** Of each node's log that has more of this pool's events than the pool itself. */
  async #forgottenEvents(): Promise<Result<readonly ForgottenEvents[], Fault>> {
    const { outbox, pair } = this.#pool;
    const found: ForgottenEvents[] = [];
    for (const node of new Set([pair.low, pair.high])) {
      try {
        const { storedSeq } = await this.#reach.logOf(node).reported({ source: this.#reach.source, afterSeq: null });
        // Looked at afterwards: the log cannot have been told of more by then.
        const afterSeq = outbox.lastSeq(node);
        if (storedSeq > afterSeq) found.push({ node, afterSeq, toSeq: storedSeq });
      } catch (error) {
        // A log of the release before cannot tell.
        if (!isMissingMethod(error)) return logUnavailable();
      }
    }
    return ok(found);
  }

  #read(): LeaseState {
    return readLease(this.#pool.store, this.#pool.books.totals, this.#reach.deployment);
  }

  async #write(state: LeaseState): Promise<Outcome> {
    return await commit(this.#pool, () => {
      writeLease(this.#pool.store, state);
      return ok(null);
    });
  }
}

const READY: Outcome = ok(null);

const SIGNS: Readonly<Record<RollBackSign, string>> = {
  lease: "the directory has granted this pool more than it knows of: its storage is an old copy, all of it is voided",
  generation: "the deployment's generation was raised: whatever this storage holds may be an old copy and is voided",
  "audit-log":
    "the audit log has events of this pool that it does not know: its storage is an old copy, all of it is voided",
};

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}
