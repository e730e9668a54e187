/** A report for continuous integration: JUnit's XML, as most of its readers take it. */
import type { Exchange, Findings, Outcome } from "../case.ts";
import { countsOf } from "./counts.ts";
import { xmlText } from "./markup.ts";

const seconds = (ms: number): string => (ms / 1000).toFixed(3);

/** A `failure` for each that failed, `skipped` for what was not run, notes in `system-out`. */
export function junitReport({ suite, targets, at, outcomes }: Findings): string {
  const { fail, skip } = countsOf(outcomes);
  const total = seconds(outcomes.reduce((sum, { ms }) => sum + ms, 0));
  const counts = `tests="${outcomes.length}" failures="${fail}" errors="0" skipped="${skip}"`;
  const name = xmlText(`${suite} at ${targets.join(", ")}`);
  const cases = outcomes.map((outcome) => {
    const { id, level, title, ms } = outcome;
    const open = `  <testcase classname="${xmlText(`${suite}.${level}`)}" name="${xmlText(`${id} ${title}`)}"`;
    return `${open} time="${seconds(ms)}">${bodyOf(outcome)}</testcase>`;
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts} time="${total}">`,
    ` <testsuite name="${name}" ${counts} time="${total}" timestamp="${xmlText(at)}">`,
    ...cases,
    " </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function bodyOf({ result, why, exchanges }: Outcome): string {
  const words = xmlText(why.join("; "));
  if (result === "skip") return `<skipped message="${words}"/>`;
  if (result === "fail") return `<failure message="${words}">${xmlText(exchanges.map(plain).join("\n\n"))}</failure>`;
  return why.length === 0 ? "" : `<system-out>${result === "note" ? "note: " : ""}${words}</system-out>`;
}

const plain = ({ who, sent, received }: Exchange): string => [who, sent, received].join("\n");
