/** What is to be reached, beside what was. Pure. */
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

export interface Goal {
  readonly figure: string;
  readonly is: "at least" | "at most";
  readonly bound: number;
  readonly what: string;
}

export const GOALS: readonly Goal[] = [
  {
    figure: "roundTripsVsNoop_c16",
    is: "at least",
    bound: 0.25,
    what: "round trips of 1 key, 16 connections, to no-op",
  },
  {
    figure: "roundTripsVsNoop_c64",
    is: "at least",
    bound: 0.35,
    what: "round trips of 1 key, 64 connections, to no-op",
  },
  { figure: "keysVsNoop_n100", is: "at least", bound: 0.3, what: "keys/s, 100 a request, 64 connections, to no-op" },
  { figure: "p99VsNoop_c64", is: "at most", bound: 4, what: "p99 of 1 key, 64 connections, to no-op" },
  {
    figure: "rate1e6VsRate1e3",
    is: "at least",
    bound: 0.9,
    what: "fetches/s with 10^6 keys pending, to 10^3: about 1",
  },
  {
    figure: "rate1e6VsRate1e5",
    is: "at least",
    bound: 0.9,
    what: "the same to 10^5, which are not in memory either",
  },
  { figure: "firstAnswerMs", is: "at most", bound: 200, what: "first answer after a restart, 10^6 keys pending" },
  { figure: "rssGrowthMB", is: "at most", bound: 64, what: "growth of the engine after the first 100,000 keys" },
];

/** Goals whose figure was not measured are left out. */
export function goalsText(goals: readonly Goal[], figures: Figures): string {
  const rows = goals.flatMap(({ figure, is, bound, what }) => {
    const value = figures[figure];
    if (value === undefined) return [];
    const reached = is === "at least" ? value >= bound : value <= bound;
    return [[figure, what, String(value), `${is} ${bound}`, reached ? "yes" : "no"]];
  });
  return markdownTable(["figure", "what", "measured", "to reach", "reached"], rows);
}
