/** `qkd doctor`: does a key management entity do what ETSI GS QKD 014 says? Anybody's, and our own. */
import { ETSI014_CASES } from "../doctor/etsi014/cases.ts";
import { GIVEN_OPTIONS, givenBy } from "../doctor/etsi014/given.ts";
import { Etsi014Stage } from "../doctor/etsi014/stage.ts";
import { chosen, deliver, REPORT_OPTIONS, shower } from "../doctor/reports/deliver.ts";
import { runCases } from "../doctor/runner.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "examine two KMEs, of any vendor, against ETSI GS QKD 014",
  positional: NO_POSITIONALS,
  options: { ...GIVEN_OPTIONS, ...REPORT_OPTIONS },
  notes: [
    "A is the master at KME 1, B its slave at KME 2. Cases that want more than was given are not run, and say what to give.",
    "Keys are taken from the pair's pool. No report shows a byte of one. Exit code 0 where no case failed, else 3.",
    "",
    "Example: npm run qkd -- doctor",
    "         npm run qkd -- doctor --kme1 https://kme1.example --kme2 https://kme2.example --ca ca.pem \\",
    "           --cert-a a.pem --key-a a.key --cert-b b.pem --key-b b.key --html report.html",
  ],
  async run({ args, terminal, around }) {
    const cases = chosen(ETSI014_CASES, args);
    const given = await givenBy(args, around);
    const at = new Date().toISOString();
    const outcomes = await runCases(cases, new Etsi014Stage(given), shower(args, terminal));
    const targets = [given.A.kme, given.B.kme];
    return deliver({ suite: "ETSI GS QKD 014 V1.1.1", targets, at, outcomes }, args, terminal, around);
  },
};
