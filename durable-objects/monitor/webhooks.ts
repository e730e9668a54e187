/**
 * Messages of alarms on their way to the webhooks of the network document: of each webhook one after the other, tried
 * again until it takes them or they are too old, and signed in the deployment's name.
 */
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { instant } from "../../shared/instant.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { FailingWebhook } from "../../shared/monitor/alarm-facts.ts";
import type { WebhookStates } from "../../shared/monitor/alarm-rpc.ts";
import {
  isWanted,
  pauseMs,
  publicKeyText,
  signatureText,
  signedText,
  webhookBody,
  type WebhookEvent,
  webhookSigner,
} from "../../shared/monitor/webhook.ts";
import type { WebhookEntry } from "../../shared/network/document.ts";
import { parseRetryAfter } from "../../shared/retry.ts";
import type { Identities } from "../peers/identities.ts";
import { signEd25519 } from "../signing/ed25519.ts";
import type { Message, StoredWebhook, WebhookStore } from "./webhook-store.ts";

interface WebhookParts {
  readonly store: WebhookStore;
  /** Null: nothing can be signed, and so nothing is sent. */
  readonly identities: () => Pick<Identities, "ed25519Of"> | null;
  readonly nowMs: () => number;
}

/** Of one attempt. */
type Outcome =
  | { readonly taken: true }
  | { readonly taken: false; readonly reason: string; readonly askedS: number | null };

export class Webhooks {
  readonly #parts: WebhookParts;
  /** As the network document has them; null: it has not been seen yet. */
  #wanted: readonly WebhookEntry[] | null = null;
  #deployment = "";
  /** Webhooks that are at work. */
  readonly #busy = new Set<string>();

  constructor(parts: WebhookParts) {
    this.#parts = parts;
  }

  /** In a transaction of its own: what is known here is what is stored. @param deployment the network's name */
  keep(wanted: readonly WebhookEntry[], deployment: string): void {
    const { store } = this.#parts;
    this.#deployment = deployment;
    if (this.#wanted !== null && JSON.stringify(this.#wanted) === JSON.stringify(wanted)) return;
    store.transaction(() => store.keep(wanted));
    this.#wanted = wanted;
  }

  /** Inside the transaction of what it tells of: a message for each webhook that wants it. */
  tell(event: WebhookEvent, alarm: MonitorAlarm): void {
    const { store, nowMs } = this.#parts;
    const atMs = nowMs();
    for (const webhook of this.#wanted ?? []) {
      if (!isWanted(webhook, alarm)) continue;
      const body = webhookBody(event, instant(atMs), alarm, this.#deployment);
      store.queue(webhook.id, { id: `msg_${crypto.randomUUID()}`, body }, atMs);
    }
  }

  get failing(): readonly FailingWebhook[] {
    return this.#parts.store.failing(LIMITS.webhookFailures).map(({ id, reason }) => ({ webhook: id, detail: reason }));
  }

  async states(): Promise<WebhookStates> {
    return await Promise.all(this.#parts.store.all().map(async (webhook) => await this.#stateOf(webhook)));
  }

  /** Infinity: nothing waits, or it cannot be sent, or it is at work already. */
  dueMs(): number {
    return Math.min(Infinity, ...this.#idle().map(({ nextMs }) => nextMs));
  }

  /** What is due: a bounded number of messages for each webhook that is not at work, each by itself. */
  begin(): readonly Promise<void>[] {
    const atMs = this.#parts.nowMs();
    return this.#idle().flatMap(({ id, nextMs }) => (nextMs <= atMs ? [this.#bring(id)] : []));
  }

  #idle(): { readonly id: string; readonly nextMs: number }[] {
    const { store, identities } = this.#parts;
    if (this.#wanted === null || identities() === null) return [];
    return store.due().filter(({ id }) => !this.#busy.has(id));
  }

  async #stateOf(webhook: StoredWebhook): Promise<WebhookStates[number]> {
    const { id, url, waiting, delivered, givenUp } = webhook;
    const key = await this.#parts.identities()?.ed25519Of(webhookSigner(id));
    return {
      id,
      url,
      public_key: key === undefined ? null : publicKeyText(key.publicKey),
      waiting,
      delivered,
      given_up: givenUp,
      failing: failingOf(webhook),
    };
  }

  async #bring(id: string): Promise<void> {
    this.#busy.add(id);
    try {
      for (let count = 0; count < LIMITS.webhookBatch; count++) {
        // One after the other: their order is what happened when.
        // oxlint-disable-next-line no-await-in-loop
        if (!(await this.#bringNext(id))) return;
      }
    } finally {
      this.#busy.delete(id);
    }
  }

  /** @returns whether it was taken: then the next one's turn has come */
  async #bringNext(id: string): Promise<boolean> {
    const { store, nowMs } = this.#parts;
    const message = store.transaction(() => {
      store.giveUpOld(id, nowMs());
      return store.next(id);
    });
    const webhook = this.#wanted?.find((each) => each.id === id);
    if (message === undefined || webhook === undefined) return false;
    const outcome = await this.#post(webhook, message);
    store.transaction(() => {
      if (outcome.taken) return store.delivered(id, message);
      const attempts = store.failed(id, outcome.reason);
      store.again(id, nowMs() + pauseMs(attempts, Math.random(), outcome.askedS));
    });
    return outcome.taken;
  }

  async #post({ id: webhook, url }: WebhookEntry, { id, body }: Message): Promise<Outcome> {
    const identities = this.#parts.identities();
    if (identities === null) return { taken: false, reason: "nothing can be signed here", askedS: null };
    const timestampS = Math.floor(this.#parts.nowMs() / 1000);
    const signed = new TextEncoder().encode(signedText(id, timestampS, body));
    try {
      const { privateKey } = await identities.ed25519Of(webhookSigner(webhook));
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "User-Agent": "qkd-edge",
          "webhook-id": id,
          "webhook-timestamp": String(timestampS),
          "webhook-signature": signatureText(await signEd25519(privateKey, signed)),
        },
        body,
        // It would lead to hosts that the network document does not name.
        redirect: "manual",
        signal: AbortSignal.timeout(LIMITS.webhookTryMs),
      });
      await response.body?.cancel();
      if (response.ok) return { taken: true };
      const askedS = parseRetryAfter(response.headers.get("Retry-After"));
      return { taken: false, reason: `it answers ${response.status}`, askedS };
    } catch (error) {
      const isLate = error instanceof Error && error.name === "TimeoutError";
      const reason = isLate ? `no answer in ${LIMITS.webhookTryMs / 1000} s` : "it cannot be reached";
      return { taken: false, reason, askedS: null };
    }
  }
}

const failingOf = ({ attempts, reason, nextMs }: StoredWebhook): WebhookStates[number]["failing"] =>
  attempts === 0 ? null : { attempts, reason, next: instant(nextMs) };
