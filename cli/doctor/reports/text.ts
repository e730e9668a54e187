/** A report for a terminal: a line a case, and below those that are not as they should be what was sent and answered. */
import type { Exchange, Findings, Outcome, Result } from "../case.ts";
import { countsOf } from "./counts.ts";

const MARKS: Readonly<Record<Result, string>> = { pass: "pass", fail: "FAIL", note: "note", skip: "skip" };

/** Calls of a case that failed; JSON and HTML have more. */
const LAST_SHOWN = 2;

/** `FAIL 014-E24 M  GET enc_keys 100 times: ...`, and why. */
export function outcomeLines({ id, level, title, result, why, exchanges }: Outcome): readonly string[] {
  return [
    `${MARKS[result]} ${id} ${level}  ${title}`,
    ...why.map((words) => `       ${words}`),
    ...(result === "fail" ? lastCalls(exchanges) : []),
  ];
}

/** The last are not always those that were wrong: it is said where there are more. */
const lastCalls = (exchanges: readonly Exchange[]): readonly string[] => [
  ...(exchanges.length > LAST_SHOWN
    ? [`       the last ${LAST_SHOWN} of ${exchanges.length} calls; those before are in --json and --html`]
    : []),
  ...exchanges.slice(-LAST_SHOWN).flatMap(exchangeLines),
];

const exchangeLines = ({ who, sent, received }: Exchange): readonly string[] => [
  `       | ${who}`,
  ...[sent, received].flatMap((text) => text.split("\n").map((line) => `       |   ${line}`)),
];

/** `ETSI GS QKD 014 V1.1.1: 70 passed, 1 failed, 3 with a note, 9 not run (of what the standard requires, 50 of 51)`. */
export function summaryLine({ suite, outcomes }: Findings): string {
  const { pass, fail, note, skip } = countsOf(outcomes);
  const required = outcomes.filter(({ level, result }) => level === "M" && result !== "skip");
  const met = required.filter(({ result }) => result !== "fail").length;
  const told = `${pass} passed, ${fail} failed, ${note} with a note, ${skip} not run`;
  return `${suite}: ${told} (of what the standard requires, ${met} of ${required.length})`;
}
