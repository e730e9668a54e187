/**
 * Keeps relayed key at hand for a pair that is used, so that requests need not wait for it: after a commit that took
 * key, whatever is missing is brought in in the background, one call at a time. Requests that find too little do not
 * wait for that (urgent-key.ts). When, and how much, is decided in shared/keypool (demand, attempts).
 */
import type { Fault } from "../../shared/errors/errors.ts";
import { type Attempts, attemptsAfterFailure, isShort, NO_ATTEMPTS } from "../../shared/keypool/attempts.ts";
import {
  type Demand,
  demandAfter,
  missingBytes,
  NO_DEMAND,
  readDemand,
  soonBytes,
  targetBytes,
  writeDemand,
} from "../../shared/keypool/demand.ts";
import { isRelayShard } from "../../shared/keypool/relay-shard.ts";
import type { RelayStatus } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { commit, type PoolContext } from "./context.ts";

interface FillReach {
  /** Brings so many bytes in, later than what is urgent. */
  readonly bring: (bytes: number) => Promise<Result<null, Fault>>;
  /** Work that no request waits for. */
  readonly background: (work: Promise<unknown>) => void;
}

const SETTING = "relay-demand";
/** The demand is written down so often at most: after a restart it is known about. */
const WRITTEN_MS = 60_000;
/** How much later than now the alarm looks whether a call under way came to its end: a crash may have ended it. */
const RECOVERY_MS = 30_000;
const ALARM = "relay-short";

export class FillAhead {
  readonly #pool: PoolContext;
  readonly #reach: FillReach;
  #demand: Demand;
  #writtenMs: number;
  /** Of calls in the background. */
  #attempts: Attempts = NO_ATTEMPTS;
  /** Of all calls, urgent ones too. */
  #tries: Attempts = NO_ATTEMPTS;
  #isFilling = false;
  #lastFault: RelayStatus["lastFault"] = null;
  /** Does the alarm stand? Undefined: not looked yet. */
  #isRaised: boolean | undefined;

  constructor(pool: PoolContext, reach: FillReach) {
    this.#pool = pool;
    this.#reach = reach;
    const written = pool.store.settings.text(SETTING);
    this.#demand = written === undefined ? NO_DEMAND : readDemand(written);
    this.#writtenMs = this.#demand.atMs;
  }

  /** Key was taken, or wanted and not there. */
  used(bytes: number, nowMs: number): void {
    if (!this.#isKept) return;
    this.#demand = demandAfter(this.#demand, bytes, nowMs);
    if (nowMs - this.#writtenMs < WRITTEN_MS) return;
    this.#writtenMs = nowMs;
    this.#pool.store.settings.put(SETTING, writeDemand(this.#demand));
  }

  /** Begins to bring in what is missing, where it is time to. Cheap: called after every commit. */
  consider(nowMs: number): void {
    if (this.#isFilling || nowMs < this.#attempts.nextMs) return;
    if (this.#missingBytes(nowMs) === 0) return;
    this.#isFilling = true;
    this.#reach.background(this.#fill());
  }

  /** When the alarm should look after it; Infinity: there is enough. */
  dueMs(nowMs: number): number {
    if (this.#missingBytes(nowMs) === 0) return Infinity;
    return this.#isFilling ? nowMs + RECOVERY_MS : Math.max(nowMs, this.#attempts.nextMs);
  }

  /** What an urgent call may bring in, be it more than is waited for. */
  soonBytes(nowMs: number): number {
    const target = this.#targetBytes(nowMs);
    return target === 0 ? 0 : Math.min(target, soonBytes(this.#demand, nowMs), LIMITS.relayUrgentBytes);
  }

  /** What a call has come to, an urgent one or one of these. */
  async told(outcome: Result<null, Fault>): Promise<void> {
    const nowMs = Date.now();
    if (outcome.ok) {
      this.#tries = NO_ATTEMPTS;
      this.#lastFault = null;
      await this.#clearAlarm(nowMs);
      return;
    }
    const { code, message } = outcome.error;
    this.#lastFault = { code, message, atMs: nowMs };
    this.#tries = attemptsAfterFailure(this.#tries, outcome.error, nowMs);
    if (isShort(this.#tries, this.#demand.atMs, nowMs)) await this.#raiseAlarm(message, nowMs);
  }

  /** The last call brought nothing. */
  get isCutOff(): boolean {
    return this.#lastFault !== null;
  }

  /** Undefined for other pools than those of relayed key. */
  status(nowMs: number): RelayStatus | undefined {
    const { relayed } = this.#pool;
    if (this.#pool.config().source !== "relay") return undefined;
    return {
      hops: relayed.hops(),
      targetBytes: this.#targetBytes(nowMs),
      lastFault: this.#lastFault,
      lastPaths: relayed.last()?.paths ?? [],
    };
  }

  /** Relayed key is kept where it comes in, and only while the pair is served. */
  get #isKept(): boolean {
    const { source, state } = this.#pool.config();
    return source === "relay" && state === "active" && isRelayShard(this.#pool.shard);
  }

  #targetBytes(nowMs: number): number {
    return this.#isKept ? targetBytes(this.#demand, nowMs, this.#pool.config().policy.pool.high_bytes) : 0;
  }

  #missingBytes(nowMs: number): number {
    const target = this.#targetBytes(nowMs);
    return target === 0 ? 0 : missingBytes(target, this.#pool.books.totals.ledger.available / 8);
  }

  async #fill(): Promise<void> {
    const outcome = await this.#bringMissing().finally(() => {
      this.#isFilling = false;
    });
    if (outcome === null) return;
    this.#attempts = outcome.ok ? NO_ATTEMPTS : attemptsAfterFailure(this.#attempts, outcome.error, Date.now());
    await this.told(outcome);
    this.consider(Date.now());
  }

  /** @returns null where nothing is missing any more */
  async #bringMissing(): Promise<Result<null, Fault> | null> {
    await answersAreSent();
    const bytes = this.#missingBytes(Date.now());
    return bytes === 0 ? null : await this.#reach.bring(Math.min(bytes, LIMITS.relayAheadBytes));
  }

  // ---- the alarm. What keeps it from being told is no reason not to go on: the next call tells it.

  async #raiseAlarm(message: string, nowMs: number): Promise<void> {
    this.#isRaised = true;
    const { standingAlarms, pairName } = this.#pool;
    await this.#tell(() => standingAlarms.raise(ALARM, pairName, message, { nowMs }));
  }

  async #clearAlarm(nowMs: number): Promise<void> {
    const { standingAlarms } = this.#pool;
    this.#isRaised ??= standingAlarms.list().some(({ code }) => code === ALARM);
    if (!this.#isRaised) return;
    this.#isRaised = false;
    await this.#tell(() => standingAlarms.clear(ALARM, null, "system", nowMs));
  }

  async #tell(work: () => unknown): Promise<void> {
    await commit(this.#pool, () => {
      work();
      return ok(null);
    }).catch(() => null);
  }
}

/**
 * workerd sends answers when it has nothing else to do, and of one process's objects, which never wait for each other, a
 * relay leaves it none. A timer rings only after that: so nobody's answer waits for key that is for later.
 */
async function answersAreSent(): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
}
