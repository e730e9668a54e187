/**
 * What a site's agent reports of its own work, for the audit log and the site's alarms: of hybrid keys, which the edge has
 * no part in and could not tell of by itself. Names and numbers only: there is no room for key bytes.
 */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";

/** Audit act -> what it says. */
export const REPORT_ACTS = {
  "hybrid.source-dropped": "keys were made without sources that may be left out, and could not be had",
  "hybrid.not-confirmed": "the two ends have not made the same key: it was given to nobody",
  "hybrid.seed-fallback": "but one source gave key: it was combined with bytes that are the same every time",
} as const satisfies Record<string, string>;
export type ReportAct = keyof typeof REPORT_ACTS;

const uuid = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/, "shall be a UUID in lower case"),
);
const name = v.pipe(v.string(), v.regex(/^[A-Za-z0-9-]{1,64}$/, "shall be a name of 1 to 64 letters, digits and -"));
const count = (min: number) =>
  v.pipe(
    v.number("shall be a number"),
    v.integer("shall be an integer"),
    v.minValue(min, `shall be at least ${min}`),
    v.maxValue(LIMITS.siteReportCount, `shall be at most ${LIMITS.siteReportCount}`),
  );

export const SiteReportSchema = v.strictObject({
  act: v.picklist(Object.keys(REPORT_ACTS) as ReportAct[], `shall be one of ${Object.keys(REPORT_ACTS).join(", ")}`),
  /** Of the stream; the latest of them where the report stands for several. */
  ksid: uuid,
  /** Nodes of the pair: this site's, and the other one. */
  node: uuid,
  peer: uuid,
  /** How many times, since the last report of this act and pair. */
  count: count(1),
  detail: v.strictObject({
    method: name,
    /** Those left out, those that did not give the same key, or the one that was left. */
    sources: v.pipe(
      v.array(name),
      v.minLength(1, "shall have an entry"),
      v.maxLength(LIMITS.siteReportSources, `shall have at most ${LIMITS.siteReportSources} entries`),
    ),
  }),
});
export type SiteReport = v.InferOutput<typeof SiteReportSchema>;

/** Body of `POST /api/v1/sites/{site}/reports`. */
export const SiteReportsSchema = v.strictObject({
  reports: v.pipe(
    v.array(SiteReportSchema),
    v.minLength(1, "shall have an entry"),
    v.maxLength(LIMITS.siteReports, `shall have at most ${LIMITS.siteReports} entries`),
  ),
  /** Causes that the agent had no room to keep, as the edge was away for long. */
  left_out: v.optional(count(0), 0),
});
export type SiteReports = v.InferOutput<typeof SiteReportsSchema>;

/** The answer. */
export const SiteReportsTakenSchema = v.object({ taken: v.number() });
