/** The section of bench/results.md on SAs. Pure. */
import { type Facts, factsText } from "../../report/document.ts";
import { goalsText } from "../../report/goals.ts";
import { markdownTable } from "../../report/markdown.ts";
import { checkedKeysOf, figuresOf, medianOf } from "./figures.ts";
import { IPSEC_GOALS } from "./goals.ts";
import type { HundredRound, IpsecResults, OneRound } from "./measures.ts";

export function sectionOf(results: IpsecResults, facts: Facts): string {
  const { one, hundred } = results;
  const checked = checkedKeysOf(results);
  return [
    factsText(facts),
    goalsText(IPSEC_GOALS, figuresOf(results)),
    ...(one === undefined ? [] : [oneText(one)]),
    ...(hundred === undefined ? [] : [hundredText(hundred)]),
    ...(checked === 0
      ? []
      : [
          `Checked meanwhile: ${checked.toLocaleString("en-GB")} keys read back from both hosts, each equal, of 36 octets, and none of them twice.`,
        ]),
  ].join("\n\n");
}

function oneText(rounds: readonly OneRound[]): string {
  const headings = ["p50 ms", "p99 ms", "NETCONF p50 ms", "NETCONF p99", "engine CPU ms", "agents"];
  const figures: readonly ((round: OneRound) => number)[] = [
    ({ sa }) => sa.p50Ms,
    ({ sa }) => sa.p99Ms,
    ({ netconf }) => netconf.p50Ms,
    ({ netconf }) => netconf.p99Ms,
    ({ cpu }) => cpu.engineMs,
    ({ cpu }) => cpu.agentsMs,
  ];
  const row = figures.map((figure) => String(medianOf(rounds, figure)));
  return `One SA at a time, and CPU time an SA; medians of ${rounds.length} rounds:\n\n${markdownTable(headings, [row])}`;
}

function hundredText({ tunnels, whole, sasOnly }: NonNullable<IpsecResults["hundred"]>): string {
  const figures: readonly ((round: HundredRound) => number)[] = [
    ({ tookMs }) => tookMs,
    ({ netconfMs }) => netconfMs,
    ({ cpu }) => cpu.engineMs,
    ({ cpu }) => cpu.agentsMs,
  ];
  const rows = [["SAs and policies", whole] as const, ["SAs alone", sasOnly] as const].map(([what, rounds]) => [
    what,
    ...figures.map((figure) => String(medianOf(rounds, figure))),
  ]);
  const headings = [`${tunnels} tunnels`, "ms", "NETCONF ms", "engine CPU ms an SA", "agents"];
  return `In one POST to each of the two proxy agents; medians of ${whole.length} rounds:\n\n${markdownTable(headings, rows)}`;
}
