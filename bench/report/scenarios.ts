/** Round trips against the no-op server: figures and text. Pure. */
import type { LoadResult } from "../load/jobs.ts";
import { BULK_KEYS, type Scenario } from "../options.ts";
import type { Cpu, Memory } from "../rig.ts";
import { median, rounded } from "../statistics.ts";
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

export type Measured = Pick<LoadResult, "perS" | "keysPerS" | "p50Ms" | "p99Ms" | "checkedKeys">;

/** One no-op and one KME measurement, taken one right after the other. */
export interface Round {
  readonly noop: Measured;
  readonly kme: Measured;
  /** Of a round trip; neighbours on the machine move it less than they move the rest. */
  readonly cpu: Cpu;
}
export interface ScenarioResult {
  readonly scenario: Scenario;
  readonly rounds: readonly Round[];
  /** After the scenario. */
  readonly memory: Memory;
  readonly noopBytes: number;
}

const MB = 1_000_000;
type Figure = "perS" | "keysPerS" | "p50Ms" | "p99Ms";

const kmeOf = ({ rounds }: ScenarioResult, figure: Figure): number =>
  rounded(median(rounds.map(({ kme }) => kme[figure])));
const noopOf = ({ rounds }: ScenarioResult, figure: Figure): number =>
  rounded(median(rounds.map(({ noop }) => noop[figure])));
/** The median over the rounds of KME figure / no-op figure: what disturbs both at once cancels. */
const ratioOf = ({ rounds }: ScenarioResult, figure: Figure): number =>
  rounded(median(rounds.map(({ noop, kme }) => kme[figure] / noop[figure])));

/** `_c16` for one key a request; `_n100` for many at the last number of connections, `_n100_c16` at the others. */
export function scenarioFigures(results: readonly ScenarioResult[]): Figures {
  const figures: Record<string, number> = {};
  const lastBulk = results.findLast(({ scenario }) => scenario.keysPerRequest === BULK_KEYS);
  for (const result of results) {
    const { connections, keysPerRequest } = result.scenario;
    const isBulk = keysPerRequest === BULK_KEYS;
    const suffix = `${isBulk ? `_n${BULK_KEYS}` : ""}${isBulk && result === lastBulk ? "" : `_c${connections}`}`;
    Object.assign(figures, {
      ...(isBulk
        ? { [`keysVsNoop${suffix}`]: ratioOf(result, "keysPerS"), [`keysPerS${suffix}`]: kmeOf(result, "keysPerS") }
        : {
            [`roundTripsVsNoop${suffix}`]: ratioOf(result, "perS"),
            [`roundTripsPerS${suffix}`]: kmeOf(result, "perS"),
          }),
      [`p50VsNoop${suffix}`]: ratioOf(result, "p50Ms"),
      [`p50Ms${suffix}`]: kmeOf(result, "p50Ms"),
      [`p99VsNoop${suffix}`]: ratioOf(result, "p99Ms"),
      [`p99Ms${suffix}`]: kmeOf(result, "p99Ms"),
      [`cpuVsNoop${suffix}`]: cpuRatioOf(result),
      [`engineCpuMs${suffix}`]: cpuOf(result, "engineMs"),
      [`memoryVsNoop${suffix}`]: memoryRatioOf(result),
      [`engineRssMB${suffix}`]: rounded(result.memory.engineBytes / MB),
      [`frontsRssMB${suffix}`]: rounded(result.memory.frontsBytes / MB),
    });
  }
  return figures;
}

const RATES = ["connections", "keys/request", "round trips/s", "no-op", "ratio", "keys/s", "no-op", "ratio"];
const LATENCIES = ["connections", "keys/request", "p50 ms", "no-op", "ratio", "p99 ms", "no-op", "ratio"];
const RESOURCES = [
  "connections",
  "keys/request",
  "engine CPU ms",
  "fronts CPU ms",
  "no-op CPU ms",
  "ratio",
  "engine MB",
  "fronts MB",
  "no-op MB",
  "ratio",
];

export function scenarioText(results: readonly ScenarioResult[]): string {
  const three = (result: ScenarioResult, figure: Figure): number[] => [
    kmeOf(result, figure),
    noopOf(result, figure),
    ratioOf(result, figure),
  ];
  const table = (headings: readonly string[], cellsOf: (result: ScenarioResult) => readonly number[]): string =>
    markdownTable(
      headings,
      results.map((result) =>
        [result.scenario.connections, result.scenario.keysPerRequest, ...cellsOf(result)].map(String),
      ),
    );
  return [
    `Round trips of enc_keys and dec_keys; medians of ${results[0]?.rounds.length ?? 0} rounds:`,
    table(RATES, (result) => [...three(result, "perS"), ...three(result, "keysPerS")]),
    table(LATENCIES, (result) => [...three(result, "p50Ms"), ...three(result, "p99Ms")]),
    "CPU time of a round trip, and resident memory after each scenario; the ratios are of engine and fronts together:",
    table(RESOURCES, (result) => [
      ...CPUS.map((who) => cpuOf(result, who)),
      cpuRatioOf(result),
      ...memoryOf(result),
      memoryRatioOf(result),
    ]),
  ].join("\n\n");
}

const CPUS = ["engineMs", "frontsMs", "noopMs"] as const;
const cpuOf = ({ rounds }: ScenarioResult, who: keyof Cpu): number =>
  rounded(median(rounds.map(({ cpu }) => cpu[who])));
const cpuRatioOf = ({ rounds }: ScenarioResult): number =>
  rounded(median(rounds.map(({ cpu: { engineMs, frontsMs, noopMs } }) => (engineMs + frontsMs) / noopMs)));

const memoryRatioOf = ({ memory: { engineBytes, frontsBytes }, noopBytes }: ScenarioResult): number =>
  rounded((engineBytes + frontsBytes) / noopBytes);
const memoryOf = ({ memory: { engineBytes, frontsBytes }, noopBytes }: ScenarioResult): number[] =>
  [engineBytes, frontsBytes, noopBytes].map((bytes) => Math.round(bytes / MB));

export const checkedKeysOf = (results: readonly ScenarioResult[]): number =>
  results.flatMap(({ rounds }) => rounds).reduce((sum, { kme }) => sum + kme.checkedKeys, 0);
