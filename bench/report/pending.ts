/** Fetches of pending keys: figures and text. Pure. */
import type { LoadResult } from "../load/jobs.ts";
import type { PendingPlan } from "../options.ts";
import { median, rounded } from "../statistics.ts";
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

export const CASES = ["many", "few"] as const;
export type Case = (typeof CASES)[number];

/** Both cases, one right after the other. */
export type PendingTurn = Readonly<Record<Case, Pick<LoadResult, "perS" | "p50Ms" | "p99Ms">>>;
export interface PendingResult {
  readonly plan: PendingPlan;
  /** From making the connection to the answer, the first after each restart. */
  readonly firstMs: readonly Readonly<Record<Case, number>>[];
  readonly turns: readonly PendingTurn[];
  /** For repeats, when they were taken. */
  readonly checkedKeys: number;
}

const ratioOf = ({ turns }: PendingResult): number => median(turns.map(({ many, few }) => many.perS / few.perS));
const medianOf = ({ turns }: PendingResult, name: Case, figure: "perS" | "p50Ms" | "p99Ms"): number =>
  median(turns.map((turn) => turn[name][figure]));
const firstMsOf = ({ firstMs }: PendingResult, name: Case): number => median(firstMs.map((first) => first[name]));

export const pendingFigures = (result: PendingResult): Figures => ({
  rate1e6VsRate1e3: rounded(ratioOf(result)),
  firstAnswerMs: rounded(firstMsOf(result, "many")),
  firstAnswerWorstMs: rounded(Math.max(...result.firstMs.map(({ many }) => many))),
  firstAnswerMs_1e3: rounded(firstMsOf(result, "few")),
  fetchesPerS_1e6: rounded(medianOf(result, "many", "perS")),
  fetchesPerS_1e3: rounded(medianOf(result, "few", "perS")),
  fetchP50Ms_1e6: rounded(medianOf(result, "many", "p50Ms")),
  fetchP50Ms_1e3: rounded(medianOf(result, "few", "p50Ms")),
});

export function pendingText(result: PendingResult): string {
  const { plan } = result;
  const rows = CASES.map((name) => [
    plan[name].toLocaleString("en-GB"),
    String(rounded(firstMsOf(result, name))),
    ...(["perS", "p50Ms", "p99Ms"] as const).map((figure) => String(rounded(medianOf(result, name, figure)))),
  ]);
  return [
    `Pending keys fetched in random order, one a request, on ${plan.connections} connections: ${plan.turns} turns of ${plan.fetches} keys of each pool`,
    `after each of ${plan.restarts} restarts of the engine.`,
    "",
    markdownTable(["pending keys", "first answer ms", "fetches/s", "p50 ms", "p99 ms"], rows),
  ].join("\n");
}
