/** The section of bench/results.md on key streams. Pure. */
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { rounded } from "../../statistics.ts";
import { checkedChunksOf, figuresOf, medianOf, rateRatioOf } from "./figures.ts";
import { STREAM_GOALS } from "./goals.ts";
import type { GetKeyResult, StreamResults } from "./measures.ts";

export function sectionOf(results: StreamResults, facts: Facts): string {
  const { getKey = [], opens, binary, sampling, postprocess } = results;
  const checked = checkedChunksOf(results);
  return [
    factsText(facts),
    goalsText(STREAM_GOALS, figuresOf(results)),
    ...(getKey.length === 0 ? [] : [getKeyText(getKey)]),
    ...(opens === undefined && binary === undefined ? [] : [callsText(results)]),
    ...(sampling === undefined ? [] : [samplingText(sampling)]),
    ...(postprocess === undefined ? [] : [postprocessText(postprocess)]),
    ...(checked === 0
      ? []
      : [
          `Checked meanwhile: ${checked.toLocaleString("en-GB")} chunks, each equal at both ends, in order, and none of them twice.`,
        ]),
  ].join("\n\n");
}

function getKeyText(results: readonly GetKeyResult[]): string {
  const headings = ["at once", "GET_KEY/s", "no-op", "ratio", "bare", "ratio", "p50 ms", "no-op", "p99 ms", "no-op"];
  const rows = results.map((result) =>
    [
      result.connections,
      medianOf(result, "stream", "perS"),
      medianOf(result, "noop", "perS"),
      rateRatioOf(result, "noop"),
      medianOf(result, "bare", "perS"),
      rateRatioOf(result, "bare"),
      ...(["p50Ms", "p99Ms"] as const).flatMap((figure) => [
        medianOf(result, "stream", figure),
        medianOf(result, "noop", figure),
      ]),
    ].map(String),
  );
  return `GET_KEY over HTTP, both ends in turns; medians of ${results[0]?.rounds.length ?? 0} rounds:\n\n${markdownTable(headings, rows)}`;
}

function callsText({ opens, binary }: StreamResults): string {
  const calls = [
    ["OPEN_CONNECT, KSID allocated", opens?.open],
    ["OPEN_CONNECT of the other end", opens?.join],
    ["CLOSE", opens?.close],
    ["GET_KEY, binary over mutual TLS", binary],
  ] as const;
  const rows = calls.flatMap(([name, summary]) =>
    summary === undefined
      ? []
      : [[name, ...[summary.count, rounded(summary.p50Ms), rounded(summary.p99Ms)].map(String)]],
  );
  return `One call after the other:\n\n${markdownTable(["", "calls", "p50 ms", "p99 ms"], rows)}`;
}

const MILLION = 1_000_000;
const millions = (value: number): string => String(rounded(value / MILLION));

const samplingText = ({ seededPerS, platformPerS }: NonNullable<StreamResults["sampling"]>): string =>
  `BB84: ${millions(seededPerS)} million detections a second from a seed, ${millions(platformPerS)} million from the platform's generator.`;

function postprocessText({ options, measured }: NonNullable<StreamResults["postprocess"]>): string {
  const { blocks, keyBits, inFlight, roundTripMs } = options;
  return [
    `Post-processing of ${blocks} blocks of ${millions(keyBits)} million sifted bits, ${inFlight} under way at once, ${roundTripMs} ms there and back:`,
    `${millions(measured.siftedBitsPerS)} Mbit/s sifted, ${millions(measured.secretBitsPerS)} Mbit/s secret,`,
    `${rounded(measured.aliceMsPerMbit)} and ${rounded(measured.bobMsPerMbit)} ms of Alice's and Bob's processor for a Mbit.`,
  ].join(" ");
}
