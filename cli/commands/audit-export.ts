/** `qkd audit export` and `qkd audit keys`: what somebody else needs to check an audit log by themselves. */
import path from "node:path";
import type { Checkpoint } from "../../shared/audit/checkpoint.ts";
import { checkpointsAt, itemsAt, keysAt, logsAt, signedStateAt, stateAt } from "../lib/audit-edge.ts";
import { writeExport } from "../lib/audit-file.ts";
import { pinsText, type Pin } from "../lib/audit-pins.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { COMMON_OPTIONS, CONNECTION_OPTIONS } from "../lib/settings.ts";
import { formatCount, plural } from "../lib/text.ts";
import type { Api } from "../lib/api.ts";

export const auditExport: Command = {
  name: "audit export",
  summary: "write an audit log to a file, signed",
  positional: NO_POSITIONALS,
  options: {
    node: { type: "string", value: "<id>", help: "whose log (required; `deployment`: acts of no node)" },
    out: { type: "string", value: "<file>", help: "a file that is still to be (required)" },
    after: {
      type: "string",
      value: "<index>",
      help: "only what came after a checkpoint: the last record that it covers",
    },
    ...COMMON_OPTIONS,
  },
  notes: [
    "JSON Lines: a header, records and checkpoints, an end (docs/audit.md). The last checkpoint is made for it, so that all",
    "of it is signed. `qkd audit verify --file` reads it.",
    "",
    "Example: npm run qkd -- audit export --node tn-1 --out tn-1.jsonl",
  ],
  async run({ args, around, api, terminal }) {
    const node = args.required("node");
    const file = path.resolve(around.cwd, args.required("out"));
    const after = args.wholeNumber("after", 1, Number.MAX_SAFE_INTEGER);
    const signed = await signedStateAt(api(), node);
    const state = signed ?? (await stateAt(api(), node));
    const start = after === undefined ? state.start : await checkpointAt(api(), node, after);
    const header = {
      qkd_audit_export: 1 as const,
      node,
      made: new Date().toISOString(),
      keys: [...(await keysAt(api(), node))],
      start,
      retired: after === undefined && start !== null,
    };
    const range = { start, lastIndex: state.head.index };
    const { records, checkpoints, index } = await writeExport(file, header, itemsAt(api(), node, range));
    if (args.flag("json")) {
      terminal.line(JSON.stringify({ node, file, records, checkpoints, last_index: index, signed: signed !== null }));
    } else {
      const what = `${plural(records, "record")} up to ${formatCount(index)}, ${plural(checkpoints, "checkpoint")}`;
      terminal.line(`${file}: ${what}${signed === null ? "; not signed: the deployment has no identity" : ""}`);
    }
    return EXIT.ok;
  },
};

/** The checkpoint that covers just the records up to an index. @throws CliFailure where there is none */
async function checkpointAt(api: Api, node: string, index: number): Promise<Checkpoint> {
  let before = 0;
  for await (const checkpoint of checkpointsAt(api, node, 0)) {
    if (checkpoint.index === index) return checkpoint;
    if (checkpoint.index > index) break;
    before = checkpoint.index;
  }
  const hint = before === 0 ? "it has none before" : `the one before covers records up to ${before}`;
  throw new CliFailure(`--after: no checkpoint of ${node} ends with record ${index}`, hint);
}

export const auditKeys: Command = {
  name: "audit keys",
  summary: "print the public keys that audit logs are signed by",
  positional: NO_POSITIONALS,
  options: {
    node: { type: "string", value: "<id>", help: "of one log; else of all" },
    ...CONNECTION_OPTIONS,
  },
  notes: [
    "JSON, for `qkd audit verify --keys`. Keep it where nobody who could change the log can change it.",
    "",
    "Example: npm run qkd -- audit keys > audit-keys.json",
  ],
  async run({ args, api, terminal }) {
    const node = args.text("node");
    const logs: Record<string, Pin> = {};
    for (const each of node === undefined ? await logsAt(api()) : [node]) {
      logs[each] = { keys: [...(await keysAt(api(), each))], checkpoint: null };
    }
    terminal.line(pinsText(logs).trimEnd());
    return EXIT.ok;
  },
};
