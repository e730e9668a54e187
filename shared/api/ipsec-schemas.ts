/** Bodies of the routes of IPsec hosts. */
import * as v from "valibot";
import { NotificationSchema } from "../ipsec/notification-schema.ts";
import { ENTRY_REASONS, ENTRY_STATES, type EntryReason } from "../ipsec/outcome.ts";
import { REKEY_PHASES } from "../ipsec/types.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the table's own keys
const REASONS = Object.keys(ENTRY_REASONS) as EntryReason[];

/** What became of an entry. */
export const EntryReportSchema = v.object({
  /** Null, as the name: it could not be told. */
  kind: v.nullable(v.picklist(["sad", "spd"])),
  name: v.nullable(text),
  state: v.picklist(ENTRY_STATES),
  /** Of a failed one. */
  reason: v.optional(v.picklist(REASONS)),
  message: v.optional(text),
  warnings: v.optional(v.array(text)),
  /** It was installed before, and is the same. */
  unchanged: v.optional(v.literal(true)),
  /** Of an SA. */
  spi: v.optional(count),
  /** Of an SA that has a key: what it was made of, and sources that gave nothing. */
  sources: v.optional(v.array(text)),
  dropped: v.optional(v.array(text)),
  installed: v.optional(instant),
  /** When it is to be made anew, where it is. */
  rekey: v.optional(instant),
});

export const BatchSchema = v.object({
  /** What existing controllers look for: the body could be read. What became of each entry stands with it. */
  STATUS: v.literal("OK"),
  batch: text,
  /** Nothing of it is queued any more. */
  done: v.boolean(),
  /** In the order of the body. */
  entries: v.array(EntryReportSchema),
  /** Of what stood between the entries. */
  warnings: v.optional(v.array(text)),
});

export const IpsecStatusSchema = v.object({
  node: text,
  /** The latest changes first. */
  entries: v.array(EntryReportSchema),
  /** Of /createqkd. */
  settings: v.array(v.object({ endpoints: v.array(text), qkd: v.boolean(), kem: v.nullable(text), method: text })),
  /** Under way. */
  rekeys: v.array(v.object({ id: text, phase: v.picklist(REKEY_PHASES), sas: count, since: instant })),
  /** Of the host; the latest first. */
  notifications: v.array(v.object({ at: instant, notification: NotificationSchema })),
  alarms: v.array(
    v.object({ code: text, meaning: text, subject: text, first: instant, last: instant, count, detail: text }),
  ),
});

export const StatusOkSchema = v.object({ STATUS: v.literal("OK") });
export const CreateQkdSchema = v.object({
  endpoint1: text,
  endpoint2: text,
  "use-qkd": v.optional(v.union([text, v.boolean(), v.number()])),
  "pqc-algorithm": v.optional(v.nullable(text)),
  "hybridization-method": v.optional(text),
});
export const RekeySchema = v.object({ name: v.pipe(v.string(), v.minLength(1), v.maxLength(255)) });
export const RekeyBegunSchema = v.object({ rekey: text });
export const NotedSchema = v.object({ taken: count });
