/** Fetches of pending keys: figures and text. Pure. */
import type { LoadResult } from "../load/jobs.ts";
import { PENDING_CASES, PENDING_KEYS, type PendingCase, type PendingPlan } from "../options.ts";
import { median, rounded } from "../statistics.ts";
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

/** All cases, one right after the other. */
export type PendingTurn = Readonly<Record<PendingCase, Pick<LoadResult, "perS" | "p50Ms" | "p99Ms">>>;
export interface PendingResult {
  readonly plan: PendingPlan;
  /** From making the connection to the answer, the first after each restart. */
  readonly firstMs: readonly Readonly<Record<PendingCase, number>>[];
  readonly turns: readonly PendingTurn[];
  /** For repeats, when they were taken. */
  readonly checkedKeys: number;
}

const ratioTo = ({ turns }: PendingResult, name: PendingCase): number =>
  median(turns.map((turn) => turn["1e6"].perS / turn[name].perS));
const medianOf = ({ turns }: PendingResult, name: PendingCase, figure: "perS" | "p50Ms" | "p99Ms"): number =>
  median(turns.map((turn) => turn[name][figure]));
const firstMsOf = ({ firstMs }: PendingResult, name: PendingCase): number =>
  median(firstMs.map((first) => first[name]));

export const pendingFigures = (result: PendingResult): Figures => ({
  rate1e6VsRate1e3: rounded(ratioTo(result, "1e3")),
  rate1e6VsRate1e5: rounded(ratioTo(result, "1e5")),
  firstAnswerMs: rounded(firstMsOf(result, "1e6")),
  firstAnswerWorstMs: rounded(Math.max(...result.firstMs.map((first) => first["1e6"]))),
  firstAnswerMs_1e3: rounded(firstMsOf(result, "1e3")),
  fetchesPerS_1e6: rounded(medianOf(result, "1e6", "perS")),
  fetchesPerS_1e5: rounded(medianOf(result, "1e5", "perS")),
  fetchesPerS_1e3: rounded(medianOf(result, "1e3", "perS")),
  fetchP50Ms_1e6: rounded(medianOf(result, "1e6", "p50Ms")),
  fetchP50Ms_1e3: rounded(medianOf(result, "1e3", "p50Ms")),
});

export function pendingText(result: PendingResult): string {
  const { plan } = result;
  const rows = PENDING_CASES.map((name) => [
    PENDING_KEYS[name].toLocaleString("en-GB"),
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
