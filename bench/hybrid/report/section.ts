/** The section of bench/results.md on hybrid keys. Pure. */
import { KEMS } from "../../../shared/kem/registry.ts";
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { rounded } from "../../statistics.ts";
import { checkedKeysOf, figuresOf, medianOf } from "./figures.ts";
import { HYBRID_GOALS } from "./goals.ts";
import type { GetKeyRound, HybridResults, KemResult, LoadResult, SessionsRound, StallResult } from "./measures.ts";

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
  const headings = ["at once", "sessions/s", "p50 ms", "p99 ms", "OPEN p50", "GET_KEY p50", "CLOSE p50"];
  const rows = results.map((result) =>
    [
      result.pairs,
      medianOf(result, ({ perS }) => perS),
      medianOf(result, ({ p50Ms }) => p50Ms),
      medianOf(result, ({ p99Ms }) => p99Ms),
      medianOf(result, ({ open }) => open.p50Ms),
      medianOf(result, ({ getKey }) => getKey.p50Ms),
      medianOf(result, ({ close }) => close.p50Ms),
    ].map(String),
  );
  return `Whole sessions with QKD and ML-KEM-768; medians of ${results[0]?.rounds.length ?? 0} rounds:\n\n${markdownTable(headings, rows)}`;
}

function getKeyText(results: readonly LoadResult<GetKeyRound>[]): string {
  const rows = results.map((result) =>
    [
      result.pairs,
      medianOf(result, ({ perS }) => perS),
      medianOf(result, ({ p50Ms }) => p50Ms),
      medianOf(result, ({ p99Ms }) => p99Ms),
    ].map(String),
  );
  return `GET_KEY in sessions that stay, until both ends have the key:\n\n${markdownTable(["at once", "GET_KEY/s", "p50 ms", "p99 ms"], rows)}`;
}

function stallsText({ idle, inEngine, inAgents, exchanges, sessions }: StallResult): string {
  const rows = [
    ["nothing going on", idle] as const,
    [`the engine computes each of its KEMs ${exchanges} times`, inEngine] as const,
    ...Object.entries(inAgents).map(([name, stalls]) => [`${sessions} sessions with ${name}`, stalls] as const),
  ].map(([what, { engine, initiator, responder }]) => [
    what,
    ...[engine, initiator, responder].flatMap((stall) =>
      stall === undefined ? ["", ""] : [stall.p50Ms, stall.longestMs].map((value) => String(rounded(value))),
    ),
  ]);
  const headings = ["", "engine p50 ms", "longest", "initiator p50 ms", "longest", "responder p50 ms", "longest"];
  return `How long engine and agents take to answer what costs them nothing:\n\n${markdownTable(headings, rows)}`;
}

const kemsText = (results: readonly KemResult[]): string => {
  const rows = results.map(({ name, ...rates }) => [
    name,
    KEMS[name].runs === "anywhere" ? "agent, edge" : "agent",
    ...[rates.generatePerS, rates.encapsulatePerS, rates.decapsulatePerS].map((perS) => String(rounded(perS))),
  ]);
  return `Operations a second, one after the other, as an agent computes them:\n\n${markdownTable(["", "runs", "key pairs/s", "encapsulations/s", "decapsulations/s"], rows)}`;
};
