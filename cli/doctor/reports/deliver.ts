/** What a run's options say of its reports, and the reports that come of it. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Args, OptionTable } from "../../lib/args.ts";
import { CliFailure, EXIT, type ExitCode } from "../../lib/failure.ts";
import type { Surroundings } from "../../lib/settings.ts";
import type { Terminal } from "../../lib/terminal.ts";
import type { Case, Findings, Outcome } from "../case.ts";
import { htmlReport } from "./html.ts";
import { jsonReport } from "./json.ts";
import { junitReport } from "./junit.ts";
import { outcomeLines, summaryLine } from "./text.ts";

export const REPORT_OPTIONS = {
  only: {
    type: "string",
    value: "<ids>",
    help: "only the cases whose ids begin so, separated by commas: 014-E,014-D01",
  },
  json: { type: "boolean", help: "print the whole report as JSON" },
  junit: { type: "string", value: "<file>", help: "write a report as JUnit's XML" },
  html: { type: "string", value: "<file>", help: "write a report as a page" },
} as const satisfies OptionTable;

/** Those that `--only` leaves. @throws CliFailure when it leaves none */
export function chosen<C extends Pick<Case, "id">>(cases: readonly C[], args: Args): readonly C[] {
  const starts = args.text("only")?.split(",");
  const left = cases.filter(({ id }) => starts?.some((start) => start !== "" && id.startsWith(start)) ?? true);
  if (left.length === 0) throw new CliFailure(`no case begins with "${args.text("only")?.slice(0, 40)}"`);
  return left;
}

/** Shows each case as it ends, unless JSON is printed in the end. */
export const shower =
  (args: Args, terminal: Terminal) =>
  (outcome: Outcome): void => {
    if (!args.flag("json")) for (const line of outcomeLines(outcome)) terminal.line(line);
  };

/** Prints the end, writes the files. @returns `found` when a case failed */
export function deliver(findings: Findings, args: Args, terminal: Terminal, { cwd }: Surroundings): ExitCode {
  if (args.flag("json")) terminal.line(jsonReport(findings).trimEnd());
  else terminal.line(summaryLine(findings));
  for (const [option, report] of [["junit", junitReport] as const, ["html", htmlReport] as const]) {
    const file = args.text(option);
    if (file !== undefined) writeFile(path.resolve(cwd, file), report(findings));
  }
  return findings.outcomes.some(({ result }) => result === "fail") ? EXIT.found : EXIT.ok;
}

function writeFile(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    throw new CliFailure(`cannot write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
