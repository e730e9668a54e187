/** The section of bench/results.md on hybrid keys. Pure. */
import { KEMS } from "../../../shared/kem/registry.ts";
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { rounded } from "../../statistics.ts";
import { checkedKeysOf, figuresOf, medianOf, stallOf, worstOf } from "./figures.ts";
import { HYBRID_GOALS } from "./goals.ts";
import type {
  GetKeyRound,
  HybridResults,
  KemResult,
  LoadResult,
  SessionsRound,
  StallCase,
  StallResult,
} from "./measures.ts";

export function sectionOf(results: HybridResults, facts: Facts): string {
  const { kems = [], getKey = [], sessions = [], stalls } = results;
  const checked = checkedKeysOf(results);
  return [
    factsText(facts),
    goalsText(HYBRID_GOALS, figuresOf(results)),
    ...(sessions.length === 0 ? [] : [sessionsText(sessions)]),
    ...(getKey.length === 0 ? [] : [getKeyText(getKey)]),
    ...(stalls === undefined ? [] : [stallsText(stalls)]),
    ...(kems.length === 0 ? [] : [kemsText(kems)]),
    ...(checked === 0
      ? []
      : [
          `Checked meanwhile: ${checked.toLocaleString("en-GB")} keys, each equal at both ends, of both sources, confirmed, and none of them twice.`,
        ]),
  ].join("\n\n");
}

function sessionsText(results: readonly LoadResult<SessionsRound>[]): string {
  const headings = [
    "at once",
    "sessions/s",
    "p50 ms",
    "p99 ms",
    "OPEN p50",
    "GET_KEY p50",
    "CLOSE p50",
    "engine CPU ms",
    "agents",
  ];
  const rows = results.map((result) =>
    [
      result.pairs,
      medianOf(result, ({ perS }) => perS),
      medianOf(result, ({ p50Ms }) => p50Ms),
      medianOf(result, ({ p99Ms }) => p99Ms),
      medianOf(result, ({ open }) => open.p50Ms),
      medianOf(result, ({ getKey }) => getKey.p50Ms),
      medianOf(result, ({ close }) => close.p50Ms),
      medianOf(result, ({ cpu }) => cpu.engineMs),
      medianOf(result, ({ cpu }) => cpu.agentsMs),
    ].map(String),
  );
  return `Whole sessions with QKD and ML-KEM-768, and CPU time a session; medians of ${results[0]?.rounds.length ?? 0} rounds:\n\n${markdownTable(headings, rows)}`;
}

function getKeyText(results: readonly LoadResult<GetKeyRound>[]): string {
  const rows = results.map((result) =>
    [
      result.pairs,
      medianOf(result, ({ perS }) => perS),
      medianOf(result, ({ p50Ms }) => p50Ms),
      medianOf(result, ({ p99Ms }) => p99Ms),
      medianOf(result, ({ cpu }) => cpu.engineMs),
      medianOf(result, ({ cpu }) => cpu.agentsMs),
    ].map(String),
  );
  return `GET_KEY in sessions that stay, until both ends have the key:\n\n${markdownTable(["at once", "GET_KEY/s", "p50 ms", "p99 ms", "engine CPU ms", "agents"], rows)}`;
}

const DURING: Readonly<Record<StallCase["kind"], (name: string, result: StallResult) => string>> = {
  idle: () => "nothing going on",
  engine: (name, { exchanges }) => `engine: ${name}, ${exchanges} times`,
  agents: (name, { sessions }) => `agents: ${sessions} sessions, ${name}`,
};
const ASKED = ["engine", "initiator", "responder"] as const;

function stallsText(result: StallResult): string {
  const rows = result.cases.map((each) => [
    DURING[each.kind](each.name, result),
    ...ASKED.flatMap((who) => [stallOf(each, who, "p50Ms"), stallOf(each, who, "longestMs")].map(String)),
  ]);
  const headings = ["meanwhile", ...ASKED.flatMap((who) => [`${who} p50 ms`, "longest"])];
  return [
    `How long engine and agents take to answer what costs them nothing; medians of rounds, of the longest too:`,
    markdownTable(headings, rows),
    `In any round the engine took ${worstOf(result, "engine")} ms at most while it computed a KEM, and ${worstOf(result, "idle")} ms while nothing went on.`,
  ].join("\n\n");
}

const kemsText = (results: readonly KemResult[]): string => {
  const rows = results.map(({ name, ...rates }) => [
    name,
    KEMS[name].runs === "anywhere" ? "agent, edge" : "agent",
    ...[rates.generatePerS, rates.encapsulatePerS, rates.decapsulatePerS].map((perS) => String(rounded(perS))),
  ]);
  return `Operations a second, one after the other, as an agent computes them:\n\n${markdownTable(["", "runs", "key pairs/s", "encapsulations/s", "decapsulations/s"], rows)}`;
};
