/**
 * What sessions have seen that more than one application shall know of: into the agent's log, and to the edge, for the
 * audit log and the site's alarms. Of one act and pair the edge is told once a minute, with their number; while it is
 * away, reports wait.
 */
import { LIMITS } from "../../../shared/limits.ts";
import { retryDelayMs } from "../../../shared/retry.ts";
import { reportsPath } from "../../../shared/tunnel/paths.ts";
import { REPORT_ACTS, type ReportAct, type SiteReport, type SiteReports } from "../../../shared/tunnel/reports.ts";
import { describeAnswer, type EdgeAnswer, type Send } from "../../feeds/edge.ts";
import { type Log, messageOf, throttled } from "../../log.ts";

/** As it is seen once. */
export interface Seen {
  readonly act: ReportAct;
  readonly ksid: string;
  /** UUIDs of this end's node and of the other. */
  readonly node: string;
  readonly peer: string;
  readonly method: string;
  readonly sources: readonly string[];
}

export interface Reports {
  tell(seen: Seen): void;
}

/** Of one act and pair. */
interface Held {
  latest: Seen;
  /** Since the edge was last told. */
  count: number;
  readonly sources: Set<string>;
  notBeforeMs: number;
}

interface Batch {
  readonly body: SiteReports;
  readonly told: readonly (readonly [Held, number])[];
}

export interface EdgeReportsOptions {
  readonly site: string;
  /** In the agent's own name. */
  readonly send: Send;
  readonly log: Log;
  readonly nowMs: () => number;
}

export class EdgeReports implements Reports {
  readonly #options: EdgeReportsOptions;
  readonly #crowded: Log;
  /** By act and pair; the one known for longest comes first. */
  readonly #held = new Map<string, Held>();
  readonly #closed = new AbortController();
  #leftOut = 0;
  #failures = 0;
  #notBeforeMs = 0;
  #timer: NodeJS.Timeout | null = null;
  #isSending = false;

  constructor(options: EdgeReportsOptions) {
    this.#options = options;
    this.#crowded = throttled(options.log, LIMITS.alarmAuditMs, options.nowMs);
  }

  tell(seen: Seen): void {
    const gatheredMs = this.#options.nowMs() + LIMITS.siteReportGatherMs;
    const held = this.#of(seen);
    held.latest = seen;
    for (const source of seen.sources) held.sources.add(source);
    held.count += 1;
    if (held.count > 1) return;
    held.notBeforeMs = Math.max(held.notBeforeMs, gatheredMs);
    const { act, sources, ...of } = seen;
    this.#options.log("warn", act, { ...of, sources: sources.join(","), meaning: REPORT_ACTS[act] });
    this.#plan();
  }

  /** What was not told by then is in the agent's log. */
  close(): void {
    this.#closed.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #of(seen: Seen): Held {
    const key = `${seen.act} ${seen.node} ${seen.peer}`;
    const known = this.#held.get(key);
    if (known !== undefined) return known;
    this.#makeRoom();
    const held = { latest: seen, count: 0, sources: new Set<string>(), notBeforeMs: 0 };
    this.#held.set(key, held);
    return held;
  }

  /** Those that the edge knows of go first. */
  #makeRoom(): void {
    if (this.#held.size < LIMITS.siteReportsHeld) return;
    const entries = [...this.#held];
    const [key, { count }] = entries.find(([, each]) => each.count === 0) ?? entries[0] ?? ["", { count: 0 }];
    this.#held.delete(key);
    if (count === 0) return;
    this.#leftOut += count;
    this.#crowded("warn", "no room for more reports of hybrid keys: the oldest are left out", { count: this.#leftOut });
  }

  /** One timer, for what is due first. */
  #plan(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const due = [...this.#held.values()].filter(({ count }) => count > 0).map(({ notBeforeMs }) => notBeforeMs);
    if (this.#closed.signal.aborted || this.#isSending || due.length === 0) return;
    const inMs = Math.max(Math.min(...due), this.#notBeforeMs) - this.#options.nowMs();
    this.#timer = setTimeout(() => void this.#sendDue(), Math.max(0, Math.ceil(inMs)));
    this.#timer.unref();
  }

  async #sendDue(): Promise<void> {
    this.#isSending = true;
    const batch = this.#batch();
    try {
      this.#answered(batch, await this.#send(batch.body));
    } catch (thrown) {
      this.#failed(messageOf(thrown), null);
    } finally {
      this.#isSending = false;
      this.#plan();
    }
  }

  #batch(): Batch {
    const nowMs = this.#options.nowMs();
    const due = [...this.#held.values()].filter(({ count, notBeforeMs }) => count > 0 && notBeforeMs <= nowMs);
    const told = due.slice(0, LIMITS.siteReports).map((held) => [held, held.count] as const);
    return { told, body: { reports: told.map(([held]) => reportOf(held)), left_out: bounded(this.#leftOut) } };
  }

  async #send(body: SiteReports): Promise<EdgeAnswer> {
    const { site, send } = this.#options;
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(LIMITS.agentRequestMs)]);
    const request = {
      method: "POST",
      path: reportsPath(site),
      body: { bytes, contentType: "application/json" },
    } as const;
    return await send(request, signal);
  }

  #answered(batch: Batch, answer: EdgeAnswer): void {
    if (isLater(answer.status)) {
      this.#failed(describeAnswer(answer), answer.retryAfterSeconds);
      return;
    }
    // To offer again what is refused would have all others wait behind it.
    if (answer.status !== 200)
      this.#options.log("error", "the edge takes no reports of hybrid keys", { reason: describeAnswer(answer) });
    this.#failures = 0;
    const nowMs = this.#options.nowMs();
    this.#notBeforeMs = nowMs + LIMITS.siteReportGatherMs;
    this.#leftOut -= batch.body.left_out;
    for (const [held, count] of batch.told) {
      held.count -= count;
      held.notBeforeMs = nowMs + LIMITS.siteReportEveryMs;
      if (held.count === 0) held.sources.clear();
    }
  }

  #failed(reason: string, retryAfterSeconds: number | null): void {
    if (this.#closed.signal.aborted) return;
    this.#failures += 1;
    this.#notBeforeMs = this.#options.nowMs() + retryDelayMs(this.#failures, retryAfterSeconds, Math.random());
    if (this.#failures === 1) this.#options.log("warn", "reports of hybrid keys wait for the edge", { reason });
  }
}

const bounded = (count: number): number => Math.min(count, LIMITS.siteReportCount);

const reportOf = ({ latest: { act, ksid, node, peer, method }, count, sources }: Held): SiteReport => ({
  act,
  ksid,
  node,
  peer,
  count: bounded(count),
  detail: { method, sources: [...sources].slice(0, LIMITS.siteReportSources) },
});

/** The edge is busy, or does not know the token, of which a new one comes with the tunnel. */
const isLater = (status: number): boolean => status === 401 || status === 429 || status >= 500;
