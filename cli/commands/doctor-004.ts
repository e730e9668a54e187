/** `qkd doctor 004`: do key managers do what ETSI GS QKD 004 says, and what clients of a binding expect? Anybody's, and our own. */
import type { Findings } from "../doctor/case.ts";
import { GIVEN_OPTIONS, targetsBy } from "../doctor/etsi004/given.ts";
import type { RunningTarget } from "../doctor/etsi004/running.ts";
import { casesOf, runSuite } from "../doctor/etsi004/suites.ts";
import { chosen, deliver, REPORT_OPTIONS, shower } from "../doctor/reports/deliver.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";
import type { Args } from "../lib/args.ts";
import type { Terminal } from "../lib/terminal.ts";

export const doctor004: Command = {
  name: "doctor 004",
  summary: "examine key managers, of any vendor, against ETSI GS QKD 004, by any binding",
  positional: NO_POSITIONALS,
  options: {
    ...GIVEN_OPTIONS,
    ...REPORT_OPTIONS,
    only: { ...REPORT_OPTIONS.only, help: "only the cases whose ids begin so, separated by commas: 004-1,B-,J-05" },
  },
  notes: [
    "A and B shall have the same key, each from the key manager of its node. Cases that want more than was given are not run, and",
    "say what to give. Keys are taken from the two nodes' pool. No report shows a byte of one. Exit code 0 where no case failed, else 3.",
    "",
    "Example: npm run qkd -- doctor 004 --binding json-tcp",
    "         npm run qkd -- doctor 004 --binding binary --a alice:25575 --sae-a alice --b bob:25575 --sae-b bob \\",
    "           --qos Min_bps=5000,Max_bps=500000,Timeout=5000 --junit report.xml",
  ],
  async run({ args, terminal, around }) {
    const targets = targetsBy(args, around);
    // Before the first is begun: is there a case for each?
    const cases = targets.flatMap(({ suite }) => casesOf(suite));
    const ids = new Set(chosen(cases, args).map(({ id }) => id));
    const all: Findings[] = [];
    for (const each of targets) all.push(await runOne(each, targets.length > 1, ids, args, terminal));
    return deliver(together(all), args, terminal, around);
  },
};

/** @param isOneOf several: each case says by which binding it is */
async function runOne(
  { suite, by, target }: RunningTarget,
  isOneOf: boolean,
  ids: ReadonlySet<string>,
  args: Args,
  terminal: Terminal,
): Promise<Findings> {
  const show = shower(args, terminal);
  const titled = (title: string): string => (isOneOf ? `${suite} (${by}): ${title}` : title);
  const findings = await runSuite(
    suite,
    target,
    (id) => ids.has(id),
    (outcome) => show({ ...outcome, title: titled(outcome.title) }),
  );
  const outcomes = findings.outcomes.map((outcome) => ({ ...outcome, title: titled(outcome.title) }));
  return { ...findings, outcomes };
}

function together(all: readonly Findings[]): Findings {
  const [first, ...rest] = all;
  if (first === undefined || rest.length === 0) return first as Findings;
  return {
    suite: "ETSI GS QKD 004 V2.1.1",
    targets: [...new Set(all.flatMap(({ targets }) => targets))],
    at: first.at,
    outcomes: all.flatMap(({ outcomes }) => outcomes),
  };
}
