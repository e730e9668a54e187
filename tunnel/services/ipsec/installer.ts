/**
 * Changes on their way to one IPsec host. All that is ready goes in one edit, which the host takes as a whole or not at
 * all; an edit that it refuses is cut in two until only what is at fault is left out.
 */
import { copyOf } from "../../../shared/bytes/copy.ts";
import { LIMITS } from "../../../shared/limits.ts";
import type { Result } from "../../../shared/result.ts";
import { failed, type NetconfFailure } from "../netconf/failure.ts";
import type { Change, NetconfHost } from "../netconf/netconf-host.ts";

type Outcome = Result<null, NetconfFailure>;

interface Item {
  /** Its config is wiped once the outcome is told. */
  readonly change: Change;
  readonly settle: (outcome: Outcome) => void;
}

export class Installer {
  readonly #host: Pick<NetconfHost, "installAll">;
  #ready: Item[] = [];
  /** Changes that are being made. */
  #expected = 0;
  #timer: NodeJS.Timeout | null = null;
  #isOver = false;
  #isBusy = false;

  constructor(host: Pick<NetconfHost, "installAll">) {
    this.#host = host;
  }

  /** One more will come: what is ready waits for it, but not for long. @returns to be called when it has come, or will not */
  expect(): () => void {
    this.#expected += 1;
    let isDone = false;
    return () => {
      if (isDone) return;
      isDone = true;
      this.#expected -= 1;
      this.#look();
    };
  }

  /** @param change whose config belongs to the installer from now on, and is wiped */
  submit(change: Change): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const settle = (outcome: Outcome): void => {
      change.config.fill(0);
      resolve(outcome);
    };
    this.#ready.push({ change, settle });
    // What comes in the same turn goes along.
    setImmediate(() => this.#look());
    return promise;
  }

  #look(): void {
    if (this.#isBusy || this.#ready.length === 0) return;
    if (this.#expected === 0 || this.#isOver) void this.#run();
    else this.#timer ??= setTimeout(() => this.#waited(), gatherMs(this.#expected));
  }

  #waited(): void {
    this.#timer = null;
    this.#isOver = true;
    this.#look();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const items = this.#ready.splice(0, LIMITS.ipsecEditEntries);
    await this.#install(items);
    this.#isBusy = false;
    this.#isOver = false;
    this.#look();
  }

  async #install(items: readonly Item[]): Promise<void> {
    const outcome = await this.#edit(items);
    if (outcome.ok) {
      for (const { settle } of items) settle(outcome);
      return;
    }
    const { code, index: faulty } = outcome.error;
    if (items.length === 1 || !SEPARATES.has(code)) {
      for (const { settle } of items) settle(outcome);
      return;
    }
    if (faulty !== undefined) items[faulty]?.settle(outcome);
    const rest = items.filter((_, at) => at !== faulty);
    const middle = Math.ceil(rest.length / 2);
    for (const half of [rest.slice(0, middle), rest.slice(middle)]) if (half.length > 0) await this.#install(half);
  }

  /** The host wipes what it is given, and what it refuses may be sent again. */
  async #edit(items: readonly Item[]): Promise<Outcome> {
    const copies = items.map(({ change }) => ({ ...change, config: copyOf(change.config) }));
    try {
      return await this.#host.installAll(copies);
    } catch {
      // Its words are nobody's but the programmer's, and could be anything.
      return failed("closed", "a defect of the agent broke the edit off", { isUncertain: true });
    } finally {
      for (const { config } of copies) config.fill(0);
    }
  }
}

/** The more is to come, the more an edit saves that it all goes in. */
const gatherMs = (expected: number): number => Math.min(LIMITS.ipsecGatherMs + expected, LIMITS.ipsecGatherMostMs);

/** Of one change, not of the host. */
const SEPARATES: ReadonlySet<NetconfFailure["code"]> = new Set(["refused", "too-large"]);
