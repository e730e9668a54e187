/** `qkd audit verify`: does an audit log hold together, and is it the one that was seen before? */
import path from "node:path";
import type { AuditKey } from "../../shared/audit/checkpoint.ts";
import type { AuditRecord } from "../../shared/audit/event.ts";
import { type AuditItem, type Known, type Verdict, verifyLog } from "../../shared/audit/verify.ts";
import { itemsAt, keysAt, logsAt, signedStateAt, stateAt } from "../lib/audit-edge.ts";
import { readExport } from "../lib/audit-file.ts";
import { type Pin, type Pins, readPins, readPinsIfAny, writePins } from "../lib/audit-pins.ts";
import { recordInWords } from "../lib/audit-words.ts";
import { type Command, type CommandContext, NO_POSITIONALS } from "../lib/command.ts";
import { verifyEd25519 } from "../lib/ed25519.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import { formatCount, plural } from "../lib/text.ts";

/** One log, from wherever it is read. */
interface Log {
  readonly node: string;
  /** As the edge or the file tells them. */
  readonly keys: readonly AuditKey[];
  readonly isSigned: boolean;
  readonly range: Pick<Known, "start" | "isRetired" | "lastIndex">;
  readonly items: AsyncIterable<AuditItem>;
  /** What is wrong with where it was read from; once all was read. */
  readonly flaw?: () => Verdict["flaw"];
}

interface Judged extends Verdict {
  readonly log: Log;
  /** By which it was judged. */
  readonly keys: readonly AuditKey[];
  /** None was given: those that the log came with. */
  readonly isTaken: boolean;
}

export const auditVerify: Command = {
  name: "audit verify",
  summary: "check that audit logs hold together, and that nothing of them is gone",
  positional: NO_POSITIONALS,
  options: {
    node: { type: "string", value: "<id>", help: "one log (`deployment`: acts of no node)" },
    all: { type: "boolean", help: "every log: so it is without --node, too" },
    file: { type: "string", value: "<file>", help: "an export, in place of what the edge has" },
    keys: { type: "string", value: "<file>", help: "public keys to trust, as `qkd audit keys` prints them" },
    pin: {
      type: "string",
      value: "<file>",
      help: "keys and newest checkpoints seen before; made or brought up to date where all is well",
    },
    strict: { type: "boolean", help: "what a log itself notes that it lacks counts as found, too" },
    ...COMMON_OPTIONS,
  },
  notes: [
    "Finds the first record that was changed, removed, repeated or put in another place, a checkpoint whose signatures do",
    "not hold, and an end that is gone. Without --keys and --pin the keys are those that the log comes with, which says",
    `nothing against whoever could change both. Exit code ${EXIT.found}: something was found.`,
    "",
    "Example: npm run qkd -- audit verify --pin audit-pins.json",
  ],
  async run(context) {
    const { args, terminal } = context;
    const pinFile = fileOf(context, "pin");
    const keysFile = fileOf(context, "keys");
    const pins = pinFile === undefined ? {} : readPinsIfAny(pinFile);
    const given = keysFile === undefined ? {} : readPins(keysFile);
    const seen: Record<string, Pin> = { ...pins };
    let isFound = false;
    for await (const log of logsOf(context)) {
      const judged = await judge(log, pins[log.node], given);
      isFound ||= judged.flaw !== null || (args.flag("strict") && judged.notes > 0);
      for (const line of args.flag("json") ? [JSON.stringify(jsonOf(judged))] : wordsOf(judged)) terminal.line(line);
      if (judged.flaw === null) seen[log.node] = pinOf(judged, pins[log.node]);
    }
    if (pinFile !== undefined) writePins(pinFile, seen);
    return isFound ? EXIT.found : EXIT.ok;
  },
};

function fileOf({ args, around }: CommandContext, option: string): string | undefined {
  const file = args.text(option);
  return file === undefined ? undefined : path.resolve(around.cwd, file);
}

async function* logsOf(context: CommandContext): AsyncGenerator<Log> {
  const { args, api } = context;
  const file = fileOf(context, "file");
  const node = args.text("node");
  if (file !== undefined) {
    const log = await logOfFile(file);
    if (node !== undefined && node !== log.node)
      throw new CliFailure(`${file} is the log of ${log.node}, not of ${node}`);
    yield log;
    return;
  }
  if (node !== undefined && args.flag("all")) throw new CliFailure("--node and --all exclude each other");
  for (const each of node === undefined ? await logsAt(api()) : [node]) {
    // What is to be remembered shall cover all there is.
    const covered = args.text("pin") === undefined ? null : await signedStateAt(api(), each);
    const { head, start, signed } = covered ?? (await stateAt(api(), each));
    const range = { start, isRetired: start !== null, lastIndex: head.index };
    yield { node: each, keys: await keysAt(api(), each), isSigned: signed, range, items: itemsAt(api(), each, range) };
  }
}

async function logOfFile(file: string): Promise<Log> {
  const { header, items, flaw } = await readExport(file);
  const range = { start: header.start, isRetired: header.retired, lastIndex: 0 };
  return { node: header.node, keys: header.keys, isSigned: header.keys.length > 0, range, items, flaw };
}

async function judge(log: Log, pin: Pin | undefined, given: Pins): Promise<Judged> {
  const trusted = [
    ...new Map([...(pin?.keys ?? []), ...(given[log.node]?.keys ?? [])].map((key) => [key.key, key])).values(),
  ];
  const keys = trusted.length === 0 ? log.keys : trusted;
  const verdict = await verifyLog(
    {
      node: log.node,
      keys: new Map(keys.map((key) => [key.key, key])),
      verifyEd25519,
      ...log.range,
      pin: pin?.checkpoint ?? null,
    },
    log.items,
  );
  // Where the file ends too early its last bundle cannot hold either: that follows from it.
  return { ...verdict, flaw: log.flaw?.() ?? verdict.flaw, log, keys, isTaken: trusted.length === 0 };
}

/** What is known from now on. Of an older export it is not less than before. */
function pinOf({ keys, newest }: Judged, before: Pin | undefined): Pin {
  const known = before?.checkpoint ?? null;
  const isOlder = newest === null || (known !== null && known.number > newest.number);
  return { keys: [...keys], checkpoint: isOlder ? known : newest };
}

const jsonOf = ({
  log: { node, isSigned, range },
  flaw,
  records,
  checkpoints,
  lastIndex,
  signedIndex,
  notes,
  noted,
}: Judged) => ({
  node,
  ok: flaw === null,
  flaw,
  records,
  checkpoints,
  first_index: (range.start?.index ?? 0) + 1,
  last_index: lastIndex,
  signed_index: signedIndex,
  signed: isSigned,
  notes,
  noted: noted.map(({ index, act, source, detail }) => ({ index, act, source, detail })),
});

function wordsOf(judged: Judged): string[] {
  const { log, flaw, records, checkpoints, lastIndex, signedIndex, notes, noted, isTaken } = judged;
  const { node } = log;
  if (flaw !== null) return [`${node}: NOT as it was, at record ${flaw.index} (${flaw.kind}): ${flaw.what}`];
  const unsigned = lastIndex - signedIndex;
  const said = [
    `${node}: ${plural(records, "record")} up to ${formatCount(lastIndex)} and ${plural(checkpoints, "checkpoint")} hold together`,
    ...(log.range.start === null || log.range.isRetired
      ? []
      : [`what came up to record ${formatCount(log.range.start.index)} is not in it`]),
    ...(log.isSigned ? [] : ["no identity: nothing of it is signed"]),
    ...(log.isSigned && unsigned > 0 ? [`${plural(unsigned, "record")} not signed yet`] : []),
    ...(log.isSigned && signedIndex > 0 && isTaken ? ["signed by keys that nobody vouched for"] : []),
  ];
  const more = notes - noted.length;
  return [
    said.join("; "),
    ...noted.map((record) => `  it notes itself: ${noteOf(record)}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more of these`] : []),
  ];
}

const noteOf = ({ index, act, source, detail }: AuditRecord): string =>
  recordInWords([`record ${index}`, act, source], detail);
