/** Bodies of the routes of the deployment's alarms and webhooks. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { MonitorAlarmSchema } from "./monitor-schemas.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The latest first. */
export const AlarmsSchema = v.object({ alarms: v.array(MonitorAlarmSchema) });

export const AcknowledgementSchema = v.strictObject({
  note: v.optional(
    v.pipe(
      v.string("shall be a text"),
      v.maxLength(LIMITS.alarmNoteChars, `shall have at most ${LIMITS.alarmNoteChars} characters`),
    ),
    "",
  ),
});

export const WebhooksSchema = v.object({
  webhooks: v.array(
    v.object({
      id: v.string(),
      url: v.string(),
      /** By which its messages are signed: `whpk_` and base64. Null: none can be signed, and none is sent. */
      public_key: v.nullable(v.string()),
      /** Messages that wait, that were delivered, and that were given up as too old or too many. */
      waiting: count,
      delivered: count,
      given_up: count,
      /** Null: the last attempt has succeeded, or there was none. */
      failing: v.nullable(
        v.object({ attempts: count, reason: v.string(), next: v.pipe(v.string(), v.isoTimestamp()) }),
      ),
    }),
  ),
});
