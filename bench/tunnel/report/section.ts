/** The tunnel's section of bench/results.md. Pure. */
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { median, rounded } from "../../statistics.ts";
import { PATHS, type PathName } from "../paths/path.ts";
import { figuresOf, type MemoryResult, type TunnelResults } from "./figures.ts";
import { TUNNEL_GOALS } from "./goals.ts";
import { MEASURE_NAMES, MEASURES, type Round } from "./measures.ts";

const HEADINGS: Readonly<Record<PathName, string>> = {
  direct: "direct",
  ssh: "ssh -N -R",
  sshTerminal: "ssh -tt -R",
  sites: "two sites",
};

export function sectionOf(results: TunnelResults, facts: Facts): string {
  const { rounds, memory, missing = [] } = results;
  return [
    factsText(facts),
    ...(missing.length === 0 ? [] : [`Not installed: ${missing.join(", ")}. So there is no comparison with ssh -R.`]),
    goalsText(TUNNEL_GOALS, figuresOf(results)),
    ...(rounds === undefined ? [] : [roundsText(rounds)]),
    ...(memory === undefined ? [] : [memoryText(memory)]),
  ].join("\n\n");
}

function roundsText(rounds: readonly Round[]): string {
  const paths = PATHS.filter((path) => rounds.every((round) => round[path] !== undefined));
  const rows = MEASURE_NAMES.map((measure) => {
    const values = paths.map((path) => rounded(median(rounds.map((round) => round[path]?.[measure] ?? Number.NaN))));
    return [MEASURES[measure], ...values.map(String)];
  });
  const table = markdownTable(["", ...paths.map((path) => HEADINGS[path])], rows);
  return `Medians of ${rounds.length} rounds:\n\n${table}`;
}

const MB = 1_000_000;

function memoryText(memory: MemoryResult): string {
  const above = (bytes: number): string => ((bytes - memory.idleBytes) / MB).toFixed(1);
  const rows = [
    [`${memory.streams} streams, the client reads nothing`, above(memory.frozenClientBytes)],
    [`${memory.streams} streams, the device reads nothing`, above(memory.frozenDeviceBytes)],
    [`${memory.streams} streams, the client's agent stops`, above(memory.frozenAgentBytes)],
    ["a peer sends without credit", above(memory.hostileBytes)],
    ["the same, the device's agent stopped", above(memory.hostileStoppedBytes)],
  ];
  const [start, idle] = [memory.startBytes, memory.idleBytes].map((bytes) => Math.round(bytes / MB));
  return [
    `Resident memory of an engine at its highest, above the ${idle} MB that it takes at rest after a little of each use (${start} MB before any). The cases follow each other in one engine, garbage not yet collected counts:`,
    markdownTable(["", "MB more"], rows),
  ].join("\n\n");
}
