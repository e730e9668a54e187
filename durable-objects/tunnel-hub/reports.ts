/**
 * What the site's agents report: into the audit log, and for some of it an alarm of the site. An agent that reports
 * without end fills neither: acts of one pair are told once in a while, with their number, and as nobody here knows
 * which pairs there are, of all pairs together no more than so many; what is beyond is counted.
 */
import { err, ok, type Result } from "../../shared/result.ts";
import { type Fault, fault } from "../../shared/errors/errors.ts";
import { fullBucket, takeToken, type TokenBucket } from "../../shared/keypool/token-bucket.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ReportAct, SiteReport } from "../../shared/tunnel/reports.ts";
import type { ReportCall, TunnelAlarmCode } from "../../shared/tunnel/types.ts";
import { audit, type HubParts, Seldom } from "./parts.ts";

/** Null: a source that may be left out is left out as its users have allowed. */
const ALARMS = {
  "hybrid.source-dropped": null,
  "hybrid.not-confirmed": "not-confirmed",
  "hybrid.seed-fallback": "seed-fallback",
} as const satisfies Record<ReportAct, TunnelAlarmCode | null>;

const LEFT_OUT = "hybrid.reports-left-out";

type Parts = Pick<HubParts, "site" | "store" | "outbox" | "alarms" | "nowMs">;

export class Reports {
  readonly #parts: Parts;
  readonly #seldom = new Seldom(LIMITS.siteReportAuditMs, LIMITS.siteReportSubjects);
  #bucket: TokenBucket;
  #events: TokenBucket;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#bucket = fullBucket(LIMITS.siteReportRequests.burst, parts.nowMs());
    this.#events = fullBucket(LIMITS.siteReportEvents.burst, parts.nowMs());
  }

  take(call: ReportCall): Result<null, Fault> {
    const { store } = this.#parts;
    const nowMs = this.#parts.nowMs();
    const { bucket, waitMs } = takeToken(this.#bucket, LIMITS.siteReportRequests, nowMs);
    this.#bucket = bucket;
    if (waitMs > 0) {
      const slower = fault("rate-limited", "reports come faster than agents send them");
      return err({ ...slower, retryAfterSeconds: Math.ceil(waitMs / 1000) });
    }
    const { reports, left_out: leftOut } = call.reports;
    store.transaction(() => {
      let count = leftOut;
      for (const report of reports) count += this.#tell(call, report, nowMs);
      const untold = count > 0 ? this.#seldom.leftOut(LEFT_OUT, nowMs, count) : null;
      if (untold !== null) audit(this.#parts, LEFT_OUT, call.principal, { count: count + untold });
    });
    return ok(null);
  }

  /** @returns how many causes nobody will be told of */
  #tell({ agent, principal }: Pick<ReportCall, "agent" | "principal">, report: SiteReport, nowMs: number): number {
    const { act, ksid, node, peer, count } = report;
    const { method } = report.detail;
    const sources = report.detail.sources.join(",");
    const untold = this.#seldom.leftOut(`${act} ${node} ${peer}`, nowMs, count);
    const isTold = untold !== null && this.#mayTell(nowMs);
    if (isTold) audit(this.#parts, act, principal, { node, peer, ksid, method, sources, count: count + untold });
    const code = ALARMS[act];
    // The agent is the subject: one a peer would let an agent push all other alarms of the site out.
    if (code !== null) {
      this.#parts.alarms.raise(code, agent, `${node} with ${peer}, stream ${ksid}: ${method} of ${sources}`, {
        nowMs,
        times: count,
      });
    }
    return untold === null || isTold ? 0 : count + untold;
  }

  #mayTell(nowMs: number): boolean {
    const { bucket, waitMs } = takeToken(this.#events, LIMITS.siteReportEvents, nowMs);
    this.#events = bucket;
    return waitMs === 0;
  }
}
