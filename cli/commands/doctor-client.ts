/** `qkd doctor client`: does a client of ETSI GS QKD 014 stand what KMEs answer, and does it know whom it talks to? Anybody's, and our own. */
import { CLIENT_CASES } from "../doctor/client/cases/cases.ts";
import { GIVEN_OPTIONS, withTrial } from "../doctor/client/given.ts";
import { ClientStage } from "../doctor/client/stage.ts";
import { chosen, deliver, REPORT_OPTIONS, shower } from "../doctor/reports/deliver.ts";
import { runCases } from "../doctor/runner.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";

export const doctorClient: Command = {
  name: "doctor client",
  summary: "examine a client of ETSI GS QKD 014, of any vendor, by a KME that misbehaves",
  positional: NO_POSITIONALS,
  options: {
    ...GIVEN_OPTIONS,
    ...REPORT_OPTIONS,
    only: { ...REPORT_OPTIONS.only, help: "only the cases whose ids begin so, separated by commas: T08,C0" },
  },
  notes: [
    "A KME is started that answers as the cases want it. The client is told what to ask for; what it sends, and how it ends, is judged.",
    "The command finds QKD_KME (URL), QKD_CA, QKD_CERT, QKD_KEY (files of PEM), QKD_SAE, QKD_CALL (status, enc_keys or dec_keys), QKD_PEER,",
    "and as the call has it QKD_NUMBER, QKD_SIZE, QKD_KEY_IDS, and as JSON QKD_ADDITIONAL_SLAVES, QKD_EXTENSION_MANDATORY,",
    "QKD_EXTENSION_OPTIONAL. It shall end with 0 where it has what it asked for, with 77 where the client has no such call, else with another code.",
    "No report shows a byte of a key. Exit code 0 where no case failed, else 3.",
    "",
    "Example: npm run qkd -- doctor client --run 'python3 client.py' --html report.html",
    "         npm run qkd -- doctor client --host kme.lan --port 9443 --ca ca.pem --ca-key ca.key",
  ],
  async run({ args, terminal, around }) {
    const cases = chosen(CLIENT_CASES, args);
    const at = new Date().toISOString();
    const outcomes = await withTrial(
      args,
      terminal,
      around,
      async (trial) => await runCases(cases, new ClientStage(trial), shower(args, terminal)),
    );
    const targets = [args.text("run") ?? "a client run by hand"];
    return deliver({ suite: "ETSI GS QKD 014 V1.1.1, client", targets, at, outcomes }, args, terminal, around);
  },
};
