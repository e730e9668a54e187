/** The connection to one NETCONF server: made when it is needed, shared by all who need it, made anew when it was lost. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../../shared/limits.ts";
import { err, type Result } from "../../../shared/result.ts";
import { retryDelayMs } from "../../../shared/retry.ts";
import type { Capabilities } from "./capabilities.ts";
import type { NetconfConfig } from "./config.ts";
import { getNothing } from "./edits.ts";
import { failed, failure, type NetconfCode, type NetconfFailure } from "./failure.ts";
import type { NetconfStatus } from "./netconf-host.ts";
import { NetconfSession } from "./session.ts";
import { openSubsystem } from "./ssh.ts";

type Opened = Result<NetconfSession, NetconfFailure>;

/** Another attempt may do better. */
const PASSING: ReadonlySet<NetconfCode> = new Set(["host-unreachable", "timed-out", "closed"]);

export class NetconfLink {
  readonly #config: NetconfConfig;
  readonly #onNotification: (xml: string) => void;
  readonly #ending = new AbortController();
  #session: NetconfSession | null = null;
  #connecting: Promise<Opened> | null = null;
  #capabilities: Capabilities | null = null;
  #failure: NetconfFailure | null = null;
  #refusedUntilMs = 0;
  #connects = 0;
  #rpcs = 0;
  #lastRpcMs: number | null = null;

  constructor(config: NetconfConfig, onNotification: (xml: string) => void) {
    this.#config = config;
    this.#onNotification = onNotification;
  }

  /** Aborted when it is closed. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  session(): Promise<Opened> {
    if (this.signal.aborted) return Promise.resolve(failed("closed", "closed by this end"));
    if (this.#session?.isOpen === true) return Promise.resolve({ ok: true, value: this.#session });
    if (this.#failure !== null && performance.now() < this.#refusedUntilMs)
      return Promise.resolve({ ok: false, error: this.#failure });
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = null));
    return this.#connecting;
  }

  status(): NetconfStatus {
    const isConnected = this.#session?.isOpen === true;
    const waiting = this.#connecting === null ? "idle" : "connecting";
    return {
      state: this.signal.aborted ? "closed" : isConnected ? "connected" : waiting,
      failure: this.#failure,
      capabilities: this.#capabilities,
      connects: this.#connects,
      rpcs: this.#rpcs,
      lastRpcMs: this.#lastRpcMs,
    };
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#connecting;
    await this.#session?.close();
  }

  async #connect(): Promise<Opened> {
    const untilMs = performance.now() + LIMITS.netconfPatienceMs;
    for (let attempt = 1; ; attempt++) {
      const opened = await this.#open(attempt);
      this.#failure = opened.ok ? null : opened.error;
      if (opened.ok) return opened;
      const { code } = opened.error;
      if (code === "login-refused") this.#refusedUntilMs = performance.now() + LIMITS.netconfRefusedMs;
      const pauseMs = retryDelayMs(attempt, null, Math.random());
      if (!PASSING.has(code) || this.signal.aborted || performance.now() + pauseMs > untilMs) return opened;
      await sleep(pauseMs, undefined, { signal: this.signal }).catch(() => undefined);
    }
  }

  async #open(attempt: number): Promise<Opened> {
    const { timeout_ms: timeoutMs, host, port } = this.#config;
    const below = await openSubsystem(this.#config, this.signal);
    if (!below.ok) return below;
    const opened = await NetconfSession.open(below.value.channel, {
      timeoutMs,
      destroy: () => below.value.destroy(),
      onNotification: this.#onNotification,
      onAnswer: (tookMs) => {
        this.#rpcs += 1;
        this.#lastRpcMs = tookMs;
      },
    });
    if (!opened.ok) return opened;
    const { capabilities } = opened.value;
    this.#capabilities = capabilities;
    if (!capabilities.hasModel) {
      await opened.value.close();
      return failed("no-such-model", `${host} port ${port} does not announce the module ietf-i2nsf-ikeless`);
    }
    const mute = await this.#muteness(opened.value, attempt);
    if (mute !== null) return err(mute);
    this.#session = opened.value;
    this.#connects += 1;
    if (this.signal.aborted) opened.value.destroy();
    return opened;
  }

  /**
   * From the first request on, frames are those of 1.1. yuma123's netconfd 2.13 never reads that one if it comes together
   * with the hello: so there is a pause before, longer with each attempt, and nothing is entrusted to a session that has not
   * answered once.
   */
  async #muteness(session: NetconfSession, attempt: number): Promise<NetconfFailure | null> {
    if (session.capabilities.version === "1.0") return null;
    const longer = 2 ** (attempt - 1);
    await sleep(LIMITS.netconfHelloPauseMs * longer, undefined, { signal: this.signal }).catch(() => undefined);
    const probeMs = Math.min(LIMITS.netconfProbeMs * longer, this.#config.timeout_ms);
    const timer = setTimeout(() => session.destroy(), probeMs);
    const answer = await session.rpc(getNothing);
    clearTimeout(timer);
    return answer.ok ? null : failure("timed-out", "the host said hello, and nothing since");
  }
}
