/**
 * Messages to webhooks, as of Standard Webhooks (https://www.standardwebhooks.com, specification 1.0.0): signed with
 * Ed25519 (`v1a`), so that nobody shares a secret with the deployment. Pure.
 */
import type { MonitorAlarm } from "../api/monitor-schemas.ts";
import { toBase64 } from "../bytes/base64.ts";
import type { WebhookEntry } from "../network/document.ts";
import type { Severity } from "./severities.ts";

export type WebhookEvent = "alarm.raised" | "alarm.cleared" | "alarm.acknowledged";

/**
 * Whose signature key it is, in the derivation of `keySeedsOf`: no id of a node, which holds no colon, so that no message
 * can pass for one of another kind. One a webhook: what one receiver was told, another does not take from it.
 */
export const webhookSigner = (webhook: string): string => `webhook:${webhook}`;

/** As the specification writes public keys. */
export const publicKeyText = (ed25519: Uint8Array): string => `whpk_${toBase64(ed25519)}`;

/** @param id of the message, for its receiver to tell repeats by; it holds no dot */
export const signedText = (id: string, timestampS: number, body: string): string => `${id}.${timestampS}.${body}`;

export const signatureText = (signature: Uint8Array): string => `v1a,${toBase64(signature)}`;

/** The body: what happened, when, and the alarm as `GET /api/v1/alarms` has it. */
export const webhookBody = (type: WebhookEvent, timestamp: string, alarm: MonitorAlarm, deployment: string): string =>
  JSON.stringify({ type, timestamp, data: { deployment, alarm } });

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/** Does this webhook want to hear of it? Of its own failing none does: it would wait behind what does not arrive. */
export function isWanted(webhook: Pick<WebhookEntry, "id" | "min_severity" | "codes">, alarm: MonitorAlarm): boolean {
  const { min_severity: least = "info", codes } = webhook;
  const isOfItself = alarm.code === "webhook-failing" && alarm.subject === webhook.id;
  return !isOfItself && RANK[alarm.severity] >= RANK[least] && (codes?.includes(alarm.code) ?? true);
}

/** After the first failed attempt, the second ...; the last one for all that follow. */
const PAUSES_MS = [5000, 30_000, 120_000, 300_000, 900_000, 1_800_000] as const;

/**
 * @param attempts made so far
 * @param random in [0, 1): many messages shall not come back at once
 * @param askedS of a `Retry-After`
 */
export function pauseMs(attempts: number, random: number, askedS: number | null): number {
  const pause = PAUSES_MS[Math.min(attempts, PAUSES_MS.length) - 1] ?? 0;
  const askedMs = Math.min((askedS ?? 0) * 1000, Math.max(...PAUSES_MS));
  return Math.max(askedMs, Math.round(pause * (0.8 + 0.4 * random)));
}
