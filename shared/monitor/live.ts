/** What goes over live sockets besides views and updates: see `MonitorMessageSchema` for those. */
import * as v from "valibot";
import { MonitorAckSchema } from "../api/monitor-schemas.ts";
import { parseJson } from "../bytes/json.ts";
import { MONITOR } from "../limits-monitor.ts";

/** @returns the number of the message that a client has acknowledged; null for anything else */
export function readAck(text: string): number | null {
  if (text.length > MONITOR.monitorTextChars) return null;
  const json = parseJson(text, 1);
  const parsed = json.ok ? v.safeParse(MonitorAckSchema, json.value) : null;
  return parsed?.success === true ? parsed.output.n : null;
}

/** Why a socket ends: close code (RFC 6455 7.4; 4000 and above are ours) and reason. */
export const LIVE_END = {
  "bad-message": { code: 1008, reason: 'not a message like {"type":"ack","n":1} of a message that was sent' },
  failed: { code: 1011, reason: "a part of the key management system does not answer" },
  replaced: { code: 4001, reason: "newer sockets of this operator have taken its place" },
  silent: { code: 4002, reason: "nothing has been acknowledged for a while" },
  revoked: { code: 4401, reason: "the caller may not be here any more" },
} as const;

export type LiveEnd = keyof typeof LIVE_END;
