/** What the Monitor promises of the deployment's alarms. */
import type { MonitorAlarm } from "../api/monitor-schemas.ts";
import type { Fault } from "../errors/errors.ts";
import type { Result } from "../result.ts";

export const ALARM_STATES = ["standing", "cleared", "all"] as const;
export type AlarmState = (typeof ALARM_STATES)[number];

/** Of one call of `acknowledgeAlarm`. */
export interface Acknowledging {
  /** Id of the alarm. */
  readonly alarm: string;
  readonly principal: string;
  /** Null: it is acknowledged no longer. */
  readonly note: string | null;
}

/** A client certificate that a Worker has seen. */
export interface ShownCertificate {
  /** SHA-256 of it, hex. */
  readonly fingerprint: string;
  readonly principal: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** How a webhook of the network document fares. */
export interface WebhookState {
  readonly id: string;
  readonly url: string;
  /** By which its messages are signed, as `whpk_` and base64; null: no secret to derive it from, and nothing is sent. */
  readonly public_key: string | null;
  /** Messages that wait; delivered since it stands in the document; given up, as they grew too old or too many. */
  readonly waiting: number;
  readonly delivered: number;
  readonly given_up: number;
  /** Null: the last attempt has succeeded, or there was none. */
  readonly failing: { readonly attempts: number; readonly reason: string; readonly next: string } | null;
}

export type WebhookStates = readonly WebhookState[];

export interface AlarmsRpc {
  /** The latest first; at most LIMITS.alarmsListed. */
  listAlarms(state: AlarmState): Promise<readonly MonitorAlarm[]>;
  /** `not-found`; `conflict` where it has been cleared. The same again replaces the note. */
  acknowledgeAlarm(call: Acknowledging): Promise<Result<MonitorAlarm, Fault>>;
  webhooks(): Promise<WebhookStates>;
  certificatesSeen(shown: readonly ShownCertificate[]): Promise<void>;
}
