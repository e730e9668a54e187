/** The figures of a run, under fixed names. Pure. */
import type { Figures } from "../../report/figures.ts";
import { median, rounded, summarise } from "../../statistics.ts";
import { SIZE_BITS } from "../load/jobs.ts";
import type { FillResult, FillRound, FirstResult, RatesResult, RelayResults, SingleResult } from "./measures.ts";

const FAR_HOPS = 5;
/** Figures with a goal are of the longest path, and have no other name. */
const suffix = (hops: number): string => (hops === FAR_HOPS ? "" : `_${hops}hops`);

const all = (parts: readonly Figures[]): Figures => Object.assign({}, ...parts) as Figures;

export const figuresOf = ({ rates = [], first = [], many, fills = [], single }: RelayResults): Figures =>
  all([
    ...rates.map(rateFigures),
    ...(rates.length === 0 ? [] : [overallFigures(rates)]),
    ...first.map(firstFigures),
    ...(many === undefined
      ? []
      : [{ manyPerS: rounded(many.perS), manyP50Ms: rounded(many.p50Ms), manyP99Ms: rounded(many.p99Ms) }]),
    ...fills.map(fillFigures),
    ...(single === undefined ? [] : [singleFigures(single)]),
  ]);

export const refusedShare = ({ refused, due }: RatesResult): number => refused / due;

/** How often what lay ready was used up. */
export const drawnVsWarm = ({ done, warmBits }: RatesResult): number => (done * SIZE_BITS) / warmBits;

/** Bits of a link, for each bit that came and each link it came over. */
const perBitAndHop = (spentBits: number, broughtBits: number, hops: number): number =>
  Number((spentBits / broughtBits / hops).toFixed(4));

export const relayedCost = ({ spentBits, relayedBits, hops }: RatesResult): number | null =>
  relayedBits === 0 ? null : perBitAndHop(spentBits, relayedBits, hops);

const rateFigures = (result: RatesResult): Figures => {
  const cost = relayedCost(result);
  return {
    [`ratePerS_${result.hops}hops`]: rounded(result.perS),
    [`rateP50Ms_${result.hops}hops`]: rounded(result.p50Ms),
    [`rateP99Ms_${result.hops}hops`]: rounded(result.p99Ms),
    [`rateRefused_${result.hops}hops`]: rounded(refusedShare(result)),
    [`rateCpuMs_${result.hops}hops`]: rounded(result.cpuMsPerTrip),
    ...(cost === null ? {} : { [`otpBitsPerKeyBitPerHop_rate${result.hops}hops`]: cost }),
  };
};

function overallFigures(rates: readonly RatesResult[]): Figures {
  const perS = (hops: number): number => rates.find((rate) => rate.hops === hops)?.perS ?? Number.NaN;
  return {
    rate5hopVs1hop: rounded(perS(FAR_HOPS) / perS(1)),
    drawnVsWarm: rounded(Math.min(...rates.map(drawnVsWarm))),
  };
}

export const msPerHop = (encMs: readonly number[], hops: number, which: "p50Ms" | "p99Ms"): number =>
  rounded(summarise(encMs)[which] / hops);

const firstFigures = ({ hops, encMs, everEncMs }: FirstResult): Figures => ({
  [`coldMsPerHop${suffix(hops)}`]: msPerHop(encMs, hops, "p50Ms"),
  [`coldP99MsPerHop${suffix(hops)}`]: msPerHop(encMs, hops, "p99Ms"),
  [`firstEverMsPerHop${suffix(hops)}`]: msPerHop(everEncMs, hops, "p50Ms"),
  [`firstEverP99MsPerHop${suffix(hops)}`]: msPerHop(everEncMs, hops, "p99Ms"),
});

export const medianOf = ({ rounds }: FillResult, figure: (round: FillRound) => number): number =>
  rounded(median(rounds.map(figure)));

const MEGA = 1e6;
export const bytesPerS = ({ bytes, ms }: FillRound): number => (bytes * 1000) / ms;
export const cpuMsPerMB = ({ cpuMs, bytes }: FillRound): number => (cpuMs * MEGA) / bytes;

const bytesOf = ({ rounds }: FillResult): number => rounds.reduce((sum, { bytes }) => sum + bytes, 0);
export const fillCost = (result: FillResult): number =>
  perBitAndHop(result.spentBits, bytesOf(result) * 8, result.hops);

const fillFigures = (result: FillResult): Figures => ({
  [`relayBytesPerSPerHop${suffix(result.hops)}`]: medianOf(result, bytesPerS),
  [`relayCpuMsPerMBPerHop${suffix(result.hops)}`]: rounded(medianOf(result, cpuMsPerMB) / result.hops),
  [`otpBitsPerKeyBitPerHop${suffix(result.hops)}`]: fillCost(result),
});

export const singleFigures = ({ spentBits, bytes, hops, ms, calls }: SingleResult): Figures => ({
  otpBitsPerKeyBitPerHop_single: perBitAndHop(spentBits, bytes * 8, hops),
  singleMsPerHop: rounded(ms / calls / hops),
});

export const checkedKeysOf = ({ rates = [], first = [], many }: RelayResults): number =>
  [
    ...rates.map(({ checkedKeys }) => checkedKeys),
    ...first.map(({ encMs, everEncMs }) => encMs.length + everEncMs.length),
    many?.checkedKeys ?? 0,
  ].reduce((sum, count) => sum + count, 0);
