/**
 * Notifications of a host (RFC 5277): one subscription for whoever listens, made anew when its session was lost. A host
 * that can do nothing else in a session with a subscription (no `:interleave`) gets a session for it alone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { err, type Result } from "../../../shared/result.ts";
import { retryDelayMs } from "../../../shared/retry.ts";
import { failure, type NetconfFailure } from "./failure.ts";
import type { NetconfLink } from "./link.ts";
import type { Subscription, SubscriptionEvent } from "./netconf-host.ts";
import { refusal } from "./refusal.ts";
import type { NetconfSession } from "./session.ts";

const CREATE =
  '<create-subscription xmlns="urn:ietf:params:xml:ns:netconf:notification:1.0"><stream>NETCONF</stream></create-subscription>';

type Listener = (event: SubscriptionEvent) => void;
interface Entry {
  readonly listener: Listener;
}

export class Subscriptions {
  readonly #shared: NetconfLink;
  readonly #own: NetconfLink;
  readonly #entries = new Set<Entry>();
  /** The one that notifications come over; null: none do. */
  #session: NetconfSession | null = null;
  /** A subscription ends with its session only (RFC 5277 2.1.2): it may outlive who listened, and is used again. */
  readonly #subscribed = new WeakSet<NetconfSession>();
  #running: AbortController | null = null;

  /** @param own another connection to the same host, used where the shared one cannot be */
  constructor(shared: NetconfLink, own: NetconfLink) {
    this.#shared = shared;
    this.#own = own;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(listener: Listener): Subscription {
    const entry = { listener };
    this.#entries.add(entry);
    if (this.#running === null) {
      this.#running = new AbortController();
      void this.#run(this.#running.signal);
    } else if (this.#session?.isOpen === true) {
      queueMicrotask(() => this.#entries.has(entry) && listener({ type: "subscribed" }));
    }
    return {
      close: () => {
        this.#entries.delete(entry);
        if (this.#entries.size === 0) this.#stop();
      },
    };
  }

  /** What a session says; it is heard only while somebody listens. */
  notify(xml: string): void {
    this.#tell({ type: "notification", xml });
  }

  close(): void {
    this.#entries.clear();
    this.#stop();
  }

  #tell(event: SubscriptionEvent): void {
    for (const { listener } of this.#entries) listener(event);
  }

  #stop(): void {
    this.#running?.abort();
    this.#running = null;
    if (this.#session?.capabilities.isInterleave === false) this.#session.destroy();
    this.#session = null;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let isTold = false;
    for (let failures = 1; ; failures++) {
      const subscribed = await this.#subscribe();
      if (signal.aborted) return;
      let why = subscribed.ok ? null : subscribed.error;
      if (subscribed.ok) {
        this.#session = subscribed.value;
        this.#tell({ type: "subscribed" });
        why = await subscribed.value.ended;
        if (signal.aborted) return;
        failures = 1;
        isTold = false;
      }
      if (why !== null && !isTold) this.#tell({ type: "lost", failure: why });
      isTold = true;
      const pauseMs = retryDelayMs(failures, null, Math.random());
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #subscribe(): Promise<Result<NetconfSession, NetconfFailure>> {
    const shared = await this.#shared.session();
    if (!shared.ok) return shared;
    const { isNotification, isInterleave } = shared.value.capabilities;
    if (!isNotification) return err(failure("no-netconf", "the host has no notifications (RFC 5277)"));
    const opened = isInterleave ? shared : await this.#own.session();
    if (!opened.ok || this.#subscribed.has(opened.value)) return opened;
    const answer = await opened.value.rpc(CREATE);
    if (!answer.ok) return answer;
    const { faults } = answer.value;
    if (faults.length > 0) return err(refusal(faults));
    this.#subscribed.add(opened.value);
    return opened;
  }
}
