/** The bench's results, as text, Markdown and JSON. Pure. */
import type { LoadResult } from "./load.ts";
import { BULK_KEYS, type Scenario } from "./options.ts";
import { median, rounded } from "./statistics.ts";

export type Figures = Pick<LoadResult, "roundTripsPerS" | "keysPerS" | "p50Ms" | "p99Ms">;

/** One no-op and one KME measurement, taken one right after the other. */
export interface Round {
  readonly noop: Figures;
  readonly kme: Figures;
}
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rounds: readonly Round[];
  readonly checkedKeys: number;
  /** Resident memory of the engine after the scenario. */
  readonly engineRssBytes: number;
}

const medianOf = (rounds: readonly Round[], figure: (round: Round) => number): number => median(rounds.map(figure));

/** The median over the rounds of KME figure / no-op figure. */
const ratioOf = ({ rounds }: ScenarioResult, figure: keyof Figures): number =>
  medianOf(rounds, ({ noop, kme }) => kme[figure] / noop[figure]);

const HEADINGS = [
  "connections",
  "keys/request",
  "round trips/s",
  "no-op",
  "ratio",
  "keys/s",
  "p50 ms",
  "p99 ms",
  "no-op p99",
  "p99 ratio",
  "engine MiB",
];

function rowOf(result: ScenarioResult): string[] {
  const { scenario, rounds } = result;
  const figures = [
    medianOf(rounds, ({ kme }) => kme.roundTripsPerS),
    medianOf(rounds, ({ noop }) => noop.roundTripsPerS),
    ratioOf(result, "roundTripsPerS"),
    medianOf(rounds, ({ kme }) => kme.keysPerS),
    medianOf(rounds, ({ kme }) => kme.p50Ms),
    medianOf(rounds, ({ kme }) => kme.p99Ms),
    medianOf(rounds, ({ noop }) => noop.p99Ms),
    ratioOf(result, "p99Ms"),
    result.engineRssBytes / 2 ** 20,
  ];
  return [scenario.connections, scenario.keysPerRequest, ...figures.map(rounded)].map(String);
}

/** A Markdown table that also reads well on a terminal. */
export function tableOf(results: readonly ScenarioResult[]): string {
  const rows = [HEADINGS, ...results.map(rowOf)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padStart(widths[column] ?? 0)).join(" | ")} |`);
  const rule = `|${widths.map((width) => `${"-".repeat(width + 1)}:`).join("|")}|`;
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** The ratios under fixed names: `roundTripsVsNoop_c16`, `p99VsNoop_c64`, `keysVsNoop_n100` ... */
export function ratiosOf(results: readonly ScenarioResult[]): Record<string, number> {
  const ratios: Record<string, number> = {};
  for (const result of results) {
    const { connections, keysPerRequest } = result.scenario;
    if (keysPerRequest === BULK_KEYS) {
      ratios[`keysVsNoop_n${BULK_KEYS}`] = rounded(ratioOf(result, "keysPerS"));
      ratios[`p99VsNoop_n${BULK_KEYS}`] = rounded(ratioOf(result, "p99Ms"));
    } else {
      ratios[`roundTripsVsNoop_c${connections}`] = rounded(ratioOf(result, "roundTripsPerS"));
      ratios[`p99VsNoop_c${connections}`] = rounded(ratioOf(result, "p99Ms"));
    }
  }
  return ratios;
}

const BEGIN = "<!-- measured: begin -->";
const END = "<!-- measured: end -->";

/** Puts the section between its marks, in place of the one before. @throws Error when the marks are not there */
export function replaceMeasured(document: string, section: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`no "${BEGIN}" ... "${END}" in the document`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${section.trim()}\n\n${document.slice(end)}`;
}

export function measuredSection(
  results: readonly ScenarioResult[],
  facts: { readonly command: string; readonly machine: string },
): string {
  const ratios = Object.entries(ratiosOf(results)).map(([name, value]) => `- \`${name}\`: ${value}`);
  const keys = results.reduce((sum, { checkedKeys }) => sum + checkedKeys, 0);
  return [
    `\`${facts.command}\` on ${facts.machine}.`,
    "",
    tableOf(results),
    "",
    ...ratios,
    "",
    `Checked meanwhile: every round trip's keys equal at both ends; ${keys.toLocaleString("en-GB")} keys, no ID and no key twice.`,
  ].join("\n");
}
