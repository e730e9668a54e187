/** The figures of a run, under fixed names. Pure. */
import type { Figures } from "../../report/figures.ts";
import { median, rounded } from "../../statistics.ts";
import type { GetKeyResult, GetKeyRound, StreamResults } from "./measures.ts";

export type Kind = keyof GetKeyRound;
type Figure = "perS" | "p50Ms" | "p99Ms";

export const medianOf = ({ rounds }: GetKeyResult, kind: Kind, figure: Figure): number =>
  rounded(median(rounds.map((round) => round[kind][figure])));
/** The median of each round's own ratio: what disturbs both at once cancels. */
export const rateRatioOf = ({ rounds }: GetKeyResult, to: "noop" | "bare"): number =>
  rounded(median(rounds.map((round) => round.stream.perS / round[to].perS)));

export const figuresOf = ({ getKey = [], opens, binary, sampling, postprocess }: StreamResults): Figures => ({
  ...Object.assign({}, ...getKey.map(getKeyFigures)),
  ...(binary === undefined ? {} : { binaryP50Ms: rounded(binary.p50Ms), binaryP99Ms: rounded(binary.p99Ms) }),
  ...(opens === undefined
    ? {}
    : {
        openP50Ms: rounded(opens.open.p50Ms),
        openP99Ms: rounded(opens.open.p99Ms),
        joinP50Ms: rounded(opens.join.p50Ms),
        closeP50Ms: rounded(opens.close.p50Ms),
      }),
  ...(sampling === undefined
    ? {}
    : {
        bb84DetectionsPerS: rounded(sampling.seededPerS),
        bb84DetectionsPerS_platform: rounded(sampling.platformPerS),
      }),
  ...(postprocess === undefined
    ? {}
    : {
        postprocBitsPerS: rounded(postprocess.measured.siftedBitsPerS),
        postprocSecretBitsPerS: rounded(postprocess.measured.secretBitsPerS),
        aliceMsPerMbit: rounded(postprocess.measured.aliceMsPerMbit),
        bobMsPerMbit: rounded(postprocess.measured.bobMsPerMbit),
      }),
});

const getKeyFigures = (result: GetKeyResult): Figures => {
  const suffix = `_c${result.connections}`;
  return {
    [`getKeyVsNoop${suffix}`]: rateRatioOf(result, "noop"),
    [`getKeyVsBareNoop${suffix}`]: rateRatioOf(result, "bare"),
    [`getKeyPerS${suffix}`]: medianOf(result, "stream", "perS"),
    [`noopPerS${suffix}`]: medianOf(result, "noop", "perS"),
    [`bareNoopPerS${suffix}`]: medianOf(result, "bare", "perS"),
    [`getKeyP50Ms${suffix}`]: medianOf(result, "stream", "p50Ms"),
    [`getKeyP99Ms${suffix}`]: medianOf(result, "stream", "p99Ms"),
  };
};

export const checkedChunksOf = ({ getKey = [], binary }: StreamResults): number =>
  getKey.flatMap(({ rounds }) => rounds).reduce((sum, { stream }) => sum + stream.checkedChunks, 0) +
  (binary?.checkedChunks ?? 0);
