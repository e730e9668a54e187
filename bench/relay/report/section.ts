/** The section of bench/results.md on relays. Pure. */
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { rounded } from "../../statistics.ts";
import type { Many } from "../load/jobs.ts";
import { CONNECTIONS } from "../options.ts";
import {
  bytesPerS,
  checkedKeysOf,
  cpuMsPerMB,
  drawnVsWarm,
  figuresOf,
  fillCost,
  medianOf,
  msPerHop,
  refusedShare,
  relayedCost,
  singleFigures,
} from "./figures.ts";
import { RELAY_GOALS } from "./goals.ts";
import type { FillResult, FirstResult, RatesResult, RelayResults, SingleResult } from "./measures.ts";

export function sectionOf(results: RelayResults, facts: Facts): string {
  const { rates = [], first = [], many, fills = [], single } = results;
  const checked = checkedKeysOf(results);
  return [
    factsText(facts),
    goalsText(RELAY_GOALS, figuresOf(results)),
    ...(rates.length === 0 ? [] : [ratesText(rates)]),
    ...(first.length === 0 ? [] : [firstText(first)]),
    ...(many === undefined ? [] : [manyText(many)]),
    ...(fills.length === 0 ? [] : [fillsText(fills)]),
    ...(single === undefined ? [] : [singleText(single)]),
    ...(checked === 0
      ? []
      : [
          `Checked meanwhile: ${checked.toLocaleString("en-GB")} keys, each equal at both ends, and none of them twice.`,
        ]),
  ].join("\n\n");
}

function ratesText(rates: readonly RatesResult[]): string {
  const headings = [
    "hops",
    "asked/s",
    "made/s",
    "p50 ms",
    "p99 ms",
    "503",
    "drawn, to warm",
    "CPU ms",
    "bits a bit and hop",
  ];
  const rows = rates.map((rate) => [
    String(rate.hops),
    String(rounded(rate.askedPerS)),
    String(rounded(rate.perS)),
    String(rounded(rate.p50Ms)),
    String(rounded(rate.p99Ms)),
    `${rounded(refusedShare(rate) * 100)} %`,
    String(rounded(drawnVsWarm(rate))),
    String(rounded(rate.cpuMsPerTrip)),
    String(relayedCost(rate) ?? "-"),
  ]);
  const table = markdownTable(headings, rows);
  const refusals = rates.flatMap(refusalsText);
  const why = refusals.length === 0 ? "" : `\n\nAnswered 503: ${refusals.join("; ")}.`;
  return `Round trips of 256 bits at four fifths of the links' rate, timed from when each was due:\n\n${table}${why}`;
}

function refusalsText({ hops, refusals }: RatesResult): string[] {
  const counts = Object.entries(refusals).map(([why, count]) => `${count} ${why}`);
  return counts.length === 0 ? [] : [`${hops} ${hops === 1 ? "hop" : "hops"}, ${counts.join(", ")}`];
}

const firstRow = (pool: string, hops: number, encMs: readonly number[]): string[] =>
  [hops, pool, encMs.length, msPerHop(encMs, hops, "p50Ms"), msPerHop(encMs, hops, "p99Ms")].map(String);

function firstText(results: readonly FirstResult[]): string {
  const rows = results.flatMap(({ hops, encMs, everEncMs }) => [
    firstRow("dry", hops, encMs),
    firstRow("not there yet", hops, everEncMs),
  ]);
  return `First enc_keys of a pair, ms a hop:\n\n${markdownTable(["hops", "pool", "pairs", "p50", "p99"], rows)}`;
}

const manyText = ({ perS, p50Ms, p99Ms }: Many): string =>
  `${CONNECTIONS} connections without pause, 5 hops: ${rounded(perS)} round trips/s, p50 ${rounded(p50Ms)} ms, p99 ${rounded(p99Ms)} ms; none failed.`;

function fillsText(fills: readonly FillResult[]): string {
  const rows = fills.map((fill) =>
    [
      fill.hops,
      medianOf(fill, (round) => bytesPerS(round) / 1e6),
      medianOf(fill, cpuMsPerMB),
      rounded(medianOf(fill, cpuMsPerMB) / fill.hops),
      fillCost(fill),
    ].map(String),
  );
  const headings = ["hops", "MB/s", "CPU ms/MB", "a hop", "bits a bit and hop"];
  return `Relay ahead of need, one pool, as fast as it goes; medians of ${fills[0]?.rounds.length ?? 0} rounds:\n\n${markdownTable(headings, rows)}`;
}

function singleText(single: SingleResult): string {
  const { otpBitsPerKeyBitPerHop_single: cost, singleMsPerHop: ms } = singleFigures(single);
  return `${single.calls} relays of one key over ${single.hops} hops, one after the other: ${ms} ms and ${cost} bits a key bit, a hop.`;
}
