/** Keeps a session with one site's hub: connects again whatever happens, and never gives up. */
import { setTimeout as sleep } from "node:timers/promises";
import type { MuxGauges } from "../../../shared/mux/config.ts";
import type { Result } from "../../../shared/result.ts";
import type { Log } from "../../log.ts";
import type { SessionEnd } from "./end.ts";
import type { Session } from "./session.ts";
import { backoffMs, LINK_TIMES, type LinkTimes } from "./times.ts";

export interface LinkOptions {
  /** Of the hub. */
  readonly site: string;
  readonly role: "owner" | "peer";
  readonly connect: (signal: AbortSignal) => Promise<Result<Session, SessionEnd>>;
  readonly log: Log;
  readonly times?: LinkTimes;
  readonly random?: () => number;
  readonly onUp?: () => void;
  readonly onDown?: () => void;
  /** What an agent that nobody watches should not go to the background with. */
  readonly onRefused?: (reason: string) => void;
}

export interface LinkGauges extends Pick<
  MuxGauges,
  "streams" | "bytesIn" | "bytesOut" | "creditStalls" | "resets" | "rttMs"
> {
  readonly up: boolean;
  readonly connects: number;
}

const SUMMED = ["bytesIn", "bytesOut", "creditStalls", "resets"] as const;
type Sums = Record<(typeof SUMMED)[number], number>;

export class Link {
  readonly site: string;
  readonly role: "owner" | "peer";
  readonly #options: LinkOptions;
  readonly #times: LinkTimes;
  readonly #log: Log;
  #session: Session | null = null;
  #connects = 0;
  #failures = 0;
  /** Of sessions that are over. */
  readonly #past: Sums = { bytesIn: 0, bytesOut: 0, creditStalls: 0, resets: 0 };
  readonly #waiting = new Set<(session: Session) => void>();

  constructor(options: LinkOptions) {
    this.site = options.site;
    this.role = options.role;
    this.#options = options;
    this.#times = options.times ?? LINK_TIMES;
    this.#log = (level, message, fields = {}) => options.log(level, message, { hub: options.site, ...fields });
  }

  /** Null while there is none. */
  get session(): Session | null {
    return this.#session;
  }

  get gauges(): LinkGauges {
    const now = this.#session?.mux.gauges;
    const sums = Object.fromEntries(SUMMED.map((name) => [name, this.#past[name] + (now?.[name] ?? 0)])) as Sums;
    return {
      up: now !== undefined,
      connects: this.#connects,
      streams: now?.streams ?? 0,
      rttMs: now?.rttMs ?? null,
      ...sums,
    };
  }

  /** The session, or the next one if it comes in time; else null. */
  whenUp(waitMs: number, signal: AbortSignal): Promise<Session | null> {
    if (this.#session !== null || waitMs === 0 || signal.aborted) return Promise.resolve(this.#session);
    const { promise, resolve } = Promise.withResolvers<Session | null>();
    const giveUp = (): void => resolve(null);
    const timer = setTimeout(giveUp, waitMs);
    signal.addEventListener("abort", giveUp, { once: true });
    this.#waiting.add(resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
      this.#waiting.delete(resolve);
    });
  }

  /** Resolves once `signal` was aborted and the session has left in order. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const pauseMs = await this.#once(signal);
      if (signal.aborted) return;
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** One session, from the attempt to its end. @returns the pause after it */
  async #once(signal: AbortSignal): Promise<number> {
    const attempt = new AbortController();
    const abort = (): void => attempt.abort();
    signal.addEventListener("abort", abort, { once: true });
    const opened = await this.#options.connect(attempt.signal);
    // From here on the end of the agent is a graceful one.
    signal.removeEventListener("abort", abort);
    if (!opened.ok) return signal.aborted ? 0 : this.#failed(opened.error, "cannot connect");
    const session = opened.value;
    const sinceMs = performance.now();
    this.#up(session);
    const leave = (): void => void session.leave();
    if (signal.aborted) leave();
    signal.addEventListener("abort", leave, { once: true });
    const end = await session.ended;
    signal.removeEventListener("abort", leave);
    this.#down(session);
    if (signal.aborted) return 0;
    if (performance.now() - sinceMs >= this.#times.stableMs) this.#failures = 0;
    return this.#failed(end, "disconnected");
  }

  #up(session: Session): void {
    this.#session = session;
    this.#connects++;
    const { role, onUp } = this.#options;
    this.#log("info", session.state === "standby" ? "connected, in standby" : "connected", { as: role });
    for (const resolve of this.#waiting) resolve(session);
    onUp?.();
  }

  #down({ mux }: Session): void {
    this.#session = null;
    this.#options.onDown?.();
    for (const name of SUMMED) this.#past[name] += mux.gauges[name];
  }

  #failed({ reason, refusal, retryAfterMs, replaced }: SessionEnd, what: string): number {
    this.#failures++;
    const random = this.#options.random ?? Math.random;
    // Those who were told the same time shall not all come at it.
    const pauseMs =
      refusal !== null || replaced
        ? (retryAfterMs ?? this.#times.refusedMs)
        : (retryAfterMs ?? 0) + backoffMs(this.#failures, random(), this.#times);
    const level = refusal === null ? "warn" : "error";
    const retryAfterS = Math.ceil(pauseMs / 100) / 10;
    this.#log(level, what, { reason, ...(refusal === null ? {} : { code: refusal }), retryAfterS });
    if (refusal !== null) this.#options.onRefused?.(reason);
    return pauseMs;
  }
}
