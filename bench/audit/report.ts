/** The section of bench/results.md on the audit log. Pure. */
import { type Facts, factsText } from "../report/document.ts";
import type { Figures } from "../report/figures.ts";
import { type Goal, goalsText } from "../report/goals.ts";
import { markdownTable } from "../report/markdown.ts";
import { median, rounded } from "../statistics.ts";
import { CONNECTIONS, type Part, PARTS } from "./options.ts";

/** Of one run. */
export interface Measured {
  readonly perS: number;
  /** Of the engine, a round trip. */
  readonly cpuMs: number;
}
/** Two runs, one after the other. */
export interface Round {
  readonly with: Measured;
  readonly without: Measured;
}
export type AuditResults = Readonly<Partial<Record<Part, readonly Round[]>>>;

const GOALS: readonly Goal[] = PARTS.flatMap((keys): Goal[] => [
  {
    figure: `withVsWithout_n${keys}`,
    is: "at least",
    bound: 0.95,
    what: `round trips/s with the audit log, to those without, ${keys} keys a request`,
  },
  { figure: `cpuWithVsWithout_n${keys}`, is: "at most", bound: 1.05, what: "the engine's CPU time for them, likewise" },
]);

const partsOf = (results: AuditResults) =>
  (Object.keys(results) as Part[]).map((part) => [part, results[part] ?? []] as const);
const medianOf = (rounds: readonly Round[], figure: (round: Round) => number): number =>
  rounded(median(rounds.map(figure)));

export const figuresOf = (results: AuditResults): Figures =>
  Object.fromEntries(
    partsOf(results).flatMap(([part, rounds]) => [
      [`withVsWithout_n${part}`, medianOf(rounds, (round) => round.with.perS / round.without.perS)],
      [`cpuWithVsWithout_n${part}`, medianOf(rounds, (round) => round.with.cpuMs / round.without.cpuMs)],
    ]),
  );

export function sectionOf(results: AuditResults, facts: Facts): string {
  const rows = partsOf(results).map(([part, rounds]) => [
    part,
    String(medianOf(rounds, (round) => round.with.perS)),
    String(medianOf(rounds, (round) => round.without.perS)),
    String(medianOf(rounds, (round) => round.with.cpuMs)),
    String(medianOf(rounds, (round) => round.without.cpuMs)),
  ]);
  const headings = ["keys a request", "round trips/s with", "without", "engine CPU ms with", "without"];
  return [
    factsText(facts),
    goalsText(GOALS, figuresOf(results)),
    `${CONNECTIONS} connections; medians of ${partsOf(results)[0]?.[1].length ?? 0} rounds:`,
    markdownTable(headings, rows),
  ].join("\n\n");
}
