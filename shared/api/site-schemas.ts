/** Bodies of the routes of sites, their agents and services. */
import * as v from "valibot";
import { EnrolledSchema, EnrolmentSchema, NonceSchema } from "../tunnel/messages.ts";
import { SiteReportsSchema, SiteReportsTakenSchema } from "../tunnel/reports.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());

export { EnrolledSchema, EnrolmentSchema, NonceSchema, SiteReportsSchema, SiteReportsTakenSchema };

export const ExpelledSchema = v.object({ instance: text });

export const SiteServiceSchema = v.object({
  service: text,
  /** What others name it by: `qkd-agent -L <port>:<address>`. */
  address: text,
  /** Of those who see all of the site. */
  allow: v.optional(v.array(text)),
  /** The two agents speak TLS with each other: the edge cannot look in. */
  tls: v.boolean(),
  /** Where it listens by default; null: nowhere by itself. */
  port: v.nullable(count),
  /** Host and port of the edge's gateway where plain TCP clients reach it; null where it listens for no such service. */
  gateway: v.nullable(text),
  /** Its HTTP, as the edge serves it; null where the edge may not use it. */
  path: v.nullable(text),
});

/** Codes may be added: a client passes over those it does not know. */
export const SiteAlarmSchema = v.object({
  code: text,
  subject: text,
  first: instant,
  last: instant,
  count,
  detail: text,
});

export const SiteSchema = v.object({
  site: text,
  /** Whether an agent serves it now. */
  connected: v.boolean(),
  services: v.array(SiteServiceSchema),
  /** What follows is told to operators and the site's own agents. */
  agents: v.optional(
    v.array(
      v.object({
        agent: text,
        instance: text,
        enrolled: instant,
        state: v.picklist(["active", "standby", "absent"]),
        connected: v.nullable(instant),
      }),
    ),
  ),
  peers: v.optional(v.array(v.object({ slot: count, site: text, agent: text, connected: instant }))),
  /** Since the hub woke up. */
  gauges: v.optional(
    v.object({
      frames_relayed: count,
      bytes_relayed: count,
      waiting_bytes: count,
      culprits_closed: count,
      connects: count,
      streams: count,
    }),
  ),
  alarms: v.optional(v.array(SiteAlarmSchema)),
});

export const SitesSchema = v.object({
  sites: v.array(SiteSchema),
  /** Where to read on: `after`. Null at the end. */
  next: v.nullable(text),
});
