/** The figures of a run, under fixed names. Pure. */
import type { Figures } from "../../report/figures.ts";
import { median, rounded } from "../../statistics.ts";
import type { HundredRound, IpsecResults, OneRound } from "./measures.ts";

const SECOND_MS = 1000;

export const medianOf = <Round>(rounds: readonly Round[], figure: (round: Round) => number): number =>
  rounded(median(rounds.map(figure)));

const oneFigures = (rounds: readonly OneRound[]): Figures => ({
  oneSaP50Ms: medianOf(rounds, ({ sa }) => sa.p50Ms),
  oneSaP99Ms: medianOf(rounds, ({ sa }) => sa.p99Ms),
  oneSaNetconfP50Ms: medianOf(rounds, ({ netconf }) => netconf.p50Ms),
  oneSaNetconfShare: medianOf(rounds, ({ sa, netconf }) => netconf.p50Ms / sa.p50Ms),
  oneSaEngineCpuMs: medianOf(rounds, ({ cpu }) => cpu.engineMs),
  oneSaAgentsCpuMs: medianOf(rounds, ({ cpu }) => cpu.agentsMs),
});

const hundredFigures = (name: string, rounds: readonly HundredRound[]): Figures => ({
  [`${name}S`]: medianOf(rounds, ({ tookMs }) => tookMs / SECOND_MS),
  [`${name}LongestS`]: rounded(Math.max(...rounds.map(({ tookMs }) => tookMs / SECOND_MS))),
  [`${name}NetconfS`]: medianOf(rounds, ({ netconfMs }) => netconfMs / SECOND_MS),
  [`${name}NetconfShare`]: medianOf(rounds, ({ tookMs, netconfMs }) => netconfMs / tookMs),
  [`${name}EngineCpuMs`]: medianOf(rounds, ({ cpu }) => cpu.engineMs),
  [`${name}AgentsCpuMs`]: medianOf(rounds, ({ cpu }) => cpu.agentsMs),
});

export const figuresOf = ({ one, hundred }: IpsecResults): Figures => ({
  ...(one === undefined ? {} : oneFigures(one)),
  ...(hundred === undefined
    ? {}
    : { ...hundredFigures("hundredTunnels", hundred.whole), ...hundredFigures("hundredTunnelsSas", hundred.sasOnly) }),
});

export const checkedKeysOf = ({ one = [], hundred }: IpsecResults): number =>
  [...one, ...(hundred?.whole ?? []), ...(hundred?.sasOnly ?? [])].reduce(
    (sum, { checkedKeys }) => sum + checkedKeys,
    0,
  );
