/**
 * What an IPsec host tells by itself (RFC 5277): to the edge, which makes SAs anew by it, and to the controller's callback,
 * where there is one.
 */
import { type IpsecNotification, readNotification } from "../../../shared/ipsec/notification.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { describeAnswer, type Send } from "../../feeds/edge.ts";
import { type Log, type LogFields, messageOf, throttled } from "../../log.ts";
import type { NetconfHost, Subscription, SubscriptionEvent } from "../netconf/netconf-host.ts";
import { Outbox, type Told } from "./outbox.ts";

export interface NotificationsOptions {
  readonly node: string;
  readonly host: Pick<NetconfHost, "subscribe">;
  /** In the agent's own name. */
  readonly send: Send;
  /** URL of the controller's; null: it has none. */
  readonly callback: string | null;
  readonly log: Log;
}

const NOT_TOLD = "notifications of the IPsec host not told";

export class Notifications {
  readonly #options: NotificationsOptions;
  readonly #subscription: Subscription;
  readonly #toEdge: Outbox<IpsecNotification>;
  readonly #toController: Outbox<IpsecNotification> | null;
  /** Each for itself: what a host says that makes no sense shall neither fill the disk nor hide the others. */
  readonly #logs: { readonly host: Log; readonly edge: Log; readonly controller: Log };
  /** By kind: whoever sends packets to a host can have it tell of them. */
  readonly #heardLogs = new Map<IpsecNotification["kind"], Log>();
  #isLost = false;

  constructor(options: NotificationsOptions) {
    const { host, callback, log } = options;
    this.#options = options;
    const calm = (): Log => throttled(log, LIMITS.localLogMs);
    this.#logs = { host: calm(), edge: calm(), controller: calm() };
    this.#toEdge = new Outbox({
      atOnce: LIMITS.ipsecNotificationsAtOnce,
      attempts: Number.POSITIVE_INFINITY,
      tell: (some, signal) => this.#tellEdge(some, signal),
      leftOut: (count) => this.#logs.edge("error", NOT_TOLD, { to: "the edge", count }),
    });
    this.#toController =
      callback === null
        ? null
        : new Outbox({
            atOnce: 1,
            attempts: LIMITS.ipsecCallbackAttempts,
            tell: (some, signal) => this.#tellController(callback, some, signal),
            leftOut: (count) => this.#logs.controller("error", NOT_TOLD, { to: callback, count }),
          });
    this.#subscription = host.subscribe((event) => this.#heard(event));
  }

  close(): void {
    this.#subscription.close();
    this.#toEdge.close();
    this.#toController?.close();
  }

  #heard(event: SubscriptionEvent): void {
    const { log } = this.#options;
    if (event.type === "subscribed") {
      if (this.#isLost) log("info", "the IPsec host's notifications are heard again");
      this.#isLost = false;
    } else if (event.type === "lost") {
      const { code, message } = event.failure;
      if (!this.#isLost) log("warn", "the IPsec host's notifications are not heard", { code, reason: message });
      this.#isLost = true;
    } else this.#notified(event.xml);
  }

  #notified(xml: string): void {
    const read = readNotification(xml);
    if (!read.ok) {
      this.#logs.host("warn", "the IPsec host's notification cannot be read", { reason: read.error });
      return;
    }
    if (read.value === null) return;
    const { kind } = read.value;
    const log = this.#heardLogs.get(kind) ?? throttled(this.#options.log, LIMITS.localLogMs);
    this.#heardLogs.set(kind, log);
    log("info", "IPsec host", fieldsOf(read.value));
    this.#toEdge.put(read.value);
    this.#toController?.put(read.value);
  }

  async #tellEdge(notifications: readonly IpsecNotification[], signal: AbortSignal): Promise<Told> {
    const { node, send } = this.#options;
    const bytes = new TextEncoder().encode(JSON.stringify({ notifications }));
    const timely = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.agentRequestMs)]);
    const path = `/api/v1/nodes/${encodeURIComponent(node)}/ipsec/notifications`;
    try {
      const answer = await send({ method: "POST", path, body: { bytes, contentType: "application/json" } }, timely);
      if (answer.status < 300) return "told";
      // 401: the token is of the connection before.
      const isLater = answer.status === 401 || answer.status === 429 || answer.status >= 500;
      if (!isLater) this.#logs.edge("error", "the edge takes no notifications", { reason: describeAnswer(answer) });
      return isLater ? "later" : "refused";
    } catch {
      return "later"; // it is away
    }
  }

  async #tellController(url: string, [notification]: readonly IpsecNotification[], signal: AbortSignal): Promise<Told> {
    const timely = AbortSignal.any([signal, AbortSignal.timeout(LIMITS.ipsecCallbackMs)]);
    const body = JSON.stringify({ node: this.#options.node, ...notification });
    const headers = { "content-type": "application/json" };
    try {
      const answer = await fetch(url, { method: "POST", body, headers, redirect: "error", signal: timely });
      await answer.body?.cancel();
      if (answer.ok) return "told";
      this.#logs.controller("warn", "the controller's callback refuses", { url, status: answer.status });
    } catch (thrown) {
      this.#logs.controller("warn", "the controller's callback cannot be reached", { url, reason: messageOf(thrown) });
    }
    return "later";
  }
}

/** As a line of the log has them. */
function fieldsOf(notification: IpsecNotification): LogFields {
  const { kind, eventTime } = notification;
  const common = { notification: kind, eventTime };
  if ("spi" in notification) return { ...common, spi: notification.spi };
  if ("policyName" in notification) return { ...common, entry: notification.policyName };
  const { saName: entry } = notification;
  return "soft" in notification ? { ...common, entry, soft: notification.soft } : { ...common, entry };
}
