/** What one session has reported: each set of sources that was left out, and that the two ends differ, once. */
import { LIMITS } from "../../../shared/limits.ts";
import type { ReportAct } from "../../../shared/tunnel/reports.ts";
import type { Agreement } from "./agreement.ts";
import type { Reports } from "./reports.ts";

type Of = Pick<Agreement, "ksid" | "own" | "method" | "sources"> & { readonly peer: Pick<Agreement["peer"], "uuid"> };

export class SessionReports {
  readonly #reports: Reports;
  readonly #of: Of;
  readonly #dropped = new Set<string>();
  #isTold = false;

  constructor(reports: Reports, of: Of) {
    this.#reports = reports;
    this.#of = of;
  }

  /** A chunk was made without these. */
  dropped(sources: readonly string[]): void {
    const set = sources.join(",");
    if (sources.length === 0 || this.#dropped.has(set)) return;
    // A peer that has another set each time is told of more often, and remembered no further.
    if (this.#dropped.size < LIMITS.hybridSources) this.#dropped.add(set);
    this.#tell("hybrid.source-dropped", sources);
  }

  notConfirmed(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#tell(
      "hybrid.not-confirmed",
      this.#of.sources.map(({ algorithm }) => algorithm),
    );
  }

  /** Every time: each is a key of less than was asked for. */
  seedUsed(sources: readonly string[]): void {
    this.#tell("hybrid.seed-fallback", sources);
  }

  #tell(act: ReportAct, sources: readonly string[]): void {
    const { ksid, own, peer, method } = this.#of;
    this.#reports.tell({ act, ksid, node: own.uuid, peer: peer.uuid, method, sources });
  }
}
