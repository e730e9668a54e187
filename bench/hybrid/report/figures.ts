/** The figures of a run, under fixed names. Pure. */
import type { Figures } from "../../report/figures.ts";
import { median, rounded } from "../../statistics.ts";
import type { HybridResults, KemResult, LoadResult, SessionsRound, StallCase, StallResult } from "./measures.ts";

export const medianOf = <Round>({ rounds }: LoadResult<Round>, figure: (round: Round) => number): number =>
  rounded(median(rounds.map(figure)));

const all = (parts: readonly Figures[]): Figures => Object.assign({}, ...parts) as Figures;

export const figuresOf = ({ kems = [], getKey = [], sessions = [], stalls }: HybridResults): Figures =>
  all([
    ...sessions.map(sessionFigures),
    ...getKey.map((result) => ({
      // The one that is to be compared: nobody else asks.
      ...(result.pairs === 1 ? { getKeyP50Ms: medianOf(result, ({ p50Ms }) => p50Ms) } : {}),
      [`getKeyPerS_c${result.pairs}`]: medianOf(result, ({ perS }) => perS),
      [`getKeyP50Ms_c${result.pairs}`]: medianOf(result, ({ p50Ms }) => p50Ms),
      [`getKeyP99Ms_c${result.pairs}`]: medianOf(result, ({ p99Ms }) => p99Ms),
    })),
    ...(stalls === undefined ? [] : [stallFigures(stalls)]),
    ...kems.map(kemFigures),
  ]);

const sessionFigures = (result: LoadResult<SessionsRound>): Figures => {
  const suffix = `_c${result.pairs}`;
  return {
    [`sessionsPerS${suffix}`]: medianOf(result, ({ perS }) => perS),
    [`sessionP50Ms${suffix}`]: medianOf(result, ({ p50Ms }) => p50Ms),
    [`sessionP99Ms${suffix}`]: medianOf(result, ({ p99Ms }) => p99Ms),
    [`openP50Ms${suffix}`]: medianOf(result, ({ open }) => open.p50Ms),
    [`firstKeyP50Ms${suffix}`]: medianOf(result, ({ getKey }) => getKey.p50Ms),
    [`closeP50Ms${suffix}`]: medianOf(result, ({ close }) => close.p50Ms),
    [`engineCpuMs${suffix}`]: medianOf(result, ({ cpu }) => cpu.engineMs),
    [`agentsCpuMs${suffix}`]: medianOf(result, ({ cpu }) => cpu.agentsMs),
  };
};

/** Who was asked meanwhile. */
export type Asked = "engine" | "initiator" | "responder";

/** Of the rounds. */
export const stallOf = ({ rounds }: StallCase, asked: Asked, figure: "p50Ms" | "longestMs"): number =>
  rounded(median(rounds.map((round) => round[asked]?.[figure] ?? Number.NaN)));

/** Of the engine in any round: with what has nothing to do with what went on. */
export const worstOf = ({ cases }: StallResult, kind: StallCase["kind"]): number =>
  rounded(
    Math.max(
      ...cases
        .filter((each) => each.kind === kind)
        .flatMap(({ rounds }) => rounds.map((round) => round["engine"]?.longestMs ?? Number.NaN)),
    ),
  );

const AGENTS: readonly Asked[] = ["initiator", "responder"];

function stallFigures(result: StallResult): Figures {
  const { cases } = result;
  const longest = (kind: StallCase["kind"], asked: readonly Asked[]): number =>
    Math.max(
      ...cases
        .filter((each) => each.kind === kind)
        .flatMap((each) => asked.map((who) => stallOf(each, who, "longestMs"))),
    );
  return {
    engineMaxBlockMs: longest("engine", ["engine"]),
    engineMaxBlockMs_idle: longest("idle", ["engine"]),
    engineMaxBlockMs_anyRound: worstOf(result, "engine"),
    engineMaxBlockMs_anyRoundIdle: worstOf(result, "idle"),
    engineMaxBlockMs_agents: longest("agents", ["engine"]),
    agentMaxBlockMs: longest("agents", AGENTS),
    agentMaxBlockMs_idle: longest("idle", AGENTS),
  };
}

/** The one whose figure has a name of its own in what is to be measured. */
const USUAL = "ML-KEM-768";

const kemFigures = ({ name, generatePerS, encapsulatePerS, decapsulatePerS }: KemResult): Figures => ({
  ...(name === USUAL ? { mlkem768EncapsPerS: rounded(encapsulatePerS) } : {}),
  [`keygenPerS_${name}`]: rounded(generatePerS),
  [`encapsPerS_${name}`]: rounded(encapsulatePerS),
  [`decapsPerS_${name}`]: rounded(decapsulatePerS),
});

export const checkedKeysOf = ({ getKey = [], sessions = [] }: HybridResults): number =>
  [...getKey, ...sessions].flatMap(({ rounds }) => [...rounds]).reduce((sum, { checkedKeys }) => sum + checkedKeys, 0);
