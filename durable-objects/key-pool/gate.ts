/** What stands before the pool's verbs: its configuration as of the caller's version, a lease, and the caller's tokens. */
import { type Fault, fail } from "../../shared/errors/errors.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import { DIRECTORY_UNREACHABLE } from "../known-network.ts";
import { within } from "../within.ts";
import { Buckets } from "./buckets.ts";
import { completed, storedConfig } from "./config.ts";
import type { PoolContext } from "./context.ts";
import type { PoolLease } from "./lease.ts";

/** Of one object; the pool and its lease come after the gate. */
interface GateParts {
  readonly pool: () => PoolContext;
  readonly lease: () => Pick<PoolLease, "open" | "ready">;
  /** The Directory's word on this pool. */
  readonly poolConfig: () => Promise<PoolConfig>;
  /** Something may be due sooner than the alarm. */
  readonly replan: () => void;
}

type Passed = Promise<Result<null, Fault>>;
type Work<T> = () => Promise<Result<T, Fault>>;

interface Caller {
  readonly configVersion: number;
  readonly principal: string;
}

export class Gate {
  readonly #parts: GateParts;
  readonly #buckets = new Buckets();
  #config: PoolConfig | undefined;
  #asking: Promise<boolean | undefined> | undefined;

  constructor(parts: GateParts) {
    this.#parts = parts;
  }

  /** The configuration in force; undefined before the Directory was first asked. */
  get config(): PoolConfig | undefined {
    return this.#config;
  }

  /** That of the object's life before. */
  recall(): void {
    const pool = this.#parts.pool();
    const config = pool.store.settings.text("config");
    if (config !== undefined) this.#config = storedConfig(config);
    pool.meetHalf();
  }

  /** Work that needs the configuration, up to date. */
  async configured<T>(version: number, work: Work<T>): Promise<Result<T, Fault>> {
    const configured = await this.configure(version);
    return configured.ok ? await work() : configured;
  }

  /** Work that needs a lease too. */
  async ready<T>(version: number, work: Work<T>): Promise<Result<T, Fault>> {
    const ready = await this.#leased(version);
    return ready.ok ? await work() : ready;
  }

  /** Work that takes a token of the principal's bucket too. */
  async admitted<T>(caller: Caller, work: Work<T>): Promise<Result<T, Fault>> {
    const admitted = await this.#admit(caller);
    return admitted.ok ? await work() : admitted;
  }

  /** The same, of a call that may come again: then it has had its token. */
  async admittedOnce<T>(call: Caller & { readonly waits?: boolean }, work: Work<T>): Promise<Result<T, Fault>> {
    return call.waits === true ? await this.ready(call.configVersion, work) : await this.admitted(call, work);
  }

  /** Work of a pool that is open to keys of others' making. */
  async takingKeys<T>(version: number, work: Work<T>): Promise<Result<T, Fault>> {
    return await this.ready(version, async () => {
      if (this.#parts.pool().config().state === "active") return await work();
      return fail("no-route", "this pair of nodes takes no new keys");
    });
  }

  async #admit({ configVersion, principal }: Caller): Passed {
    const ready = await this.#leased(configVersion);
    if (!ready.ok) return ready;
    this.#parts.replan();
    return this.#buckets.take(principal, this.#parts.pool().config().policy.rate_limit, Date.now());
  }

  async #leased(version: number): Passed {
    const configured = await this.configure(version);
    const lease = this.#parts.lease();
    return !configured.ok || lease.open ? configured : await lease.ready();
  }

  /** @param version that the configuration is to be of, or of a later one */
  async configure(version: number): Passed {
    // What is answered to another's question may be as of before this caller's version.
    for (let asked = 0; asked < 2 && !this.#isUpTo(version); asked++) {
      // An answer that never comes is waited for by those who are there, not by all who come.
      this.#asking ??= within(LIMITS.directoryPatienceMs, this.#ask()).finally(() => (this.#asking = undefined));
      // oxlint-disable-next-line no-await-in-loop
      if ((await this.#asking) !== true) return err(DIRECTORY_UNREACHABLE);
    }
    return ok(null);
  }

  #isUpTo(version: number): boolean {
    return this.#config !== undefined && this.#config.version >= version && this.#parts.pool().epochs.canSeal;
  }

  /** @returns whether the Directory answered */
  async #ask(): Promise<boolean> {
    const pool = this.#parts.pool();
    let config: PoolConfig;
    try {
      config = completed(await this.#parts.poolConfig());
    } catch {
      return false;
    }
    if (this.#config === undefined || config.version > this.#config.version) {
      pool.store.settings.put("config", JSON.stringify(config));
      this.#config = config;
      pool.meetHalf();
    }
    await pool.epochs.adopt(config.epoch);
    this.#parts.replan();
    return true;
  }
}
