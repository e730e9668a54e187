/** Notifications as an agent passes them on to the edge, checked. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { boundedList } from "../network/bounded-list.ts";
import { NAME_CHARS } from "./leaf-types.ts";

const name = v.pipe(v.string(), v.minLength(1), v.maxLength(NAME_CHARS));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const eventTime = v.pipe(v.string(), v.maxLength(64));
const text = v.pipe(v.string(), v.maxLength(64));
const ports = v.optional(boundedList(v.object({ start: count, end: count }), LIMITS.ipsecListEntries));

const Lifetime = v.object({
  time: v.optional(count),
  bytes: v.optional(text),
  packets: v.optional(count),
  idle: v.optional(count),
});
const Selector = v.object({
  "local-prefix": text,
  "remote-prefix": text,
  "inner-protocol": v.optional(v.union([count, v.literal("any")])),
  "local-ports": ports,
  "remote-ports": ports,
});

export const NotificationSchema = v.variant("kind", [
  v.object({ kind: v.literal("sadb-expire"), eventTime, saName: name, soft: v.boolean(), current: Lifetime }),
  v.object({ kind: v.literal("sadb-acquire"), eventTime, policyName: name, selector: Selector }),
  v.object({ kind: v.literal("sadb-bad-spi"), eventTime, spi: count }),
  v.object({ kind: v.literal("sadb-seq-overflow"), eventTime, saName: name }),
]);
export const NotificationsSchema = v.object({
  notifications: boundedList(NotificationSchema, LIMITS.ipsecNotifications),
});
