/** `qkd audit`: the end of a node's audit log. */
import type * as v from "valibot";
import { AuditSchema } from "../../shared/api/schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { expectShape } from "../lib/answers.ts";
import { NO_POSITIONALS, type Command, type CommandContext } from "../lib/command.ts";
import { EXIT } from "../lib/failure.ts";
import { CONNECTION_OPTIONS } from "../lib/settings.ts";

type AuditRecord = v.InferOutput<typeof AuditSchema>["records"][number];

export const audit: Command = {
  name: "audit",
  summary: "show the last events of a node's audit log",
  positional: NO_POSITIONALS,
  options: {
    node: { type: "string", value: "<id>", help: "whose log (default deployment: acts of no node)" },
    last: { type: "string", value: "<n>", help: "how many events (default 20)" },
    after: { type: "string", value: "<index>", help: "only events after this index" },
    json: { type: "boolean", help: "print one JSON record a line" },
    ...CONNECTION_OPTIONS,
  },
  async run(context) {
    const { args, terminal } = context;
    for (const record of await lastRecords(context)) {
      terminal.line(args.flag("json") ? JSON.stringify(record) : describeRecord(record));
    }
    return EXIT.ok;
  },
};

/** Reads on to the end, keeping the last ones: the log is served oldest first. */
async function lastRecords({ args, api }: CommandContext): Promise<AuditRecord[]> {
  const wanted = args.wholeNumber("last", 1, LIMITS.auditReadRecords) ?? 20;
  const node = encodeURIComponent(args.text("node") ?? "deployment");
  let kept: AuditRecord[] = [];
  let after: number | null = args.wholeNumber("after", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  while (after !== null) {
    const path: string = `/api/v1/audit?node=${node}&after=${after}&limit=${LIMITS.auditReadRecords}`;
    const page = expectShape(AuditSchema, (await api().get(path)).json);
    kept = [...kept, ...page.records].slice(-wanted);
    after = page.next;
  }
  return kept;
}

/** `12 2026-01-01T00:00:00.000Z keys.enc sae:sae-a keys=1 size_bits=256`. */
function describeRecord({ index, at, act, who, detail }: AuditRecord): string {
  const members = Object.entries(detail).map(([name, value]) => `${name}=${String(value)}`);
  return [index, at, act, who, ...members].join(" ");
}
