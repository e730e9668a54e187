/** `qkd audit tail`: the end of an audit log, and what comes. */
import { setTimeout as sleep } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { type ServedRecord, servedRecords, stateAt } from "../lib/audit-edge.ts";
import { recordInWords } from "../lib/audit-words.ts";
import { NO_POSITIONALS, type Command } from "../lib/command.ts";
import { EXIT } from "../lib/failure.ts";
import { CONNECTION_OPTIONS } from "../lib/settings.ts";

const USUAL = 20;
const AGAIN_MS = 1000;

export const auditTail: Command = {
  name: "audit tail",
  summary: "show the last events of an audit log",
  positional: NO_POSITIONALS,
  options: {
    node: { type: "string", value: "<id>", help: "whose log (default deployment: acts of no node)" },
    last: { type: "string", value: "<n>", help: `how many events (default ${USUAL})` },
    after: { type: "string", value: "<index>", help: "only events after this index" },
    follow: { type: "boolean", help: "go on with what comes, until it is stopped" },
    json: { type: "boolean", help: "print one JSON record a line" },
    ...CONNECTION_OPTIONS,
  },
  async run({ args, api, terminal }) {
    const node = args.text("node") ?? DEPLOYMENT_LOG;
    const last = args.wholeNumber("last", 1, LIMITS.auditReadRecords) ?? USUAL;
    const asked = args.wholeNumber("after", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const { head } = await stateAt(api(), node);
    let after = Math.max(asked, head.index - last);
    do {
      for await (const record of servedRecords(api(), node, after)) {
        after = record.index;
        terminal.line(args.flag("json") ? JSON.stringify(record) : describe(record));
      }
      if (args.flag("follow")) await sleep(AGAIN_MS);
    } while (args.flag("follow"));
    return EXIT.ok;
  },
};

const describe = ({ index, at, act, who, detail }: ServedRecord): string =>
  recordInWords([index, at, act, who], detail);
