/** A report for programs: all of it, calls and answers too. */
import type { Findings } from "../case.ts";
import { countsOf } from "./counts.ts";

/** One document, indented. Durations are milliseconds. */
export const jsonReport = (findings: Findings): string =>
  `${JSON.stringify(
    {
      suite: findings.suite,
      targets: findings.targets,
      at: findings.at,
      counts: countsOf(findings.outcomes),
      cases: findings.outcomes.map((outcome) => ({ ...outcome, ms: Math.round(outcome.ms) })),
    },
    null,
    2,
  )}\n`;
