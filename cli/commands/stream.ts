/** `qkd stream run`: streams of ETSI GS QKD 004, opened, read and closed at both ends, and whether these agree. */
import path from "node:path";
import { LIMITS } from "../../shared/limits.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { EXIT, type ExitCode } from "../lib/failure.ts";
import { EDGE_OPTIONS, readJson } from "../lib/settings.ts";
import { plural } from "../lib/text.ts";
import { connectEnds } from "../stream/connect.ts";
import { type Outcome, runStreams } from "../stream/exchange.ts";
import { mixtureText } from "../../shared/hybrid/mixture.ts";
import { readTemplates, type Template } from "../stream/template.ts";

export const streamRun: Command = {
  name: "stream run",
  summary: "open, read and close key streams at both ends, and compare",
  positional: { name: "REQUEST", min: 1, max: 1 },
  options: {
    parallel: { type: "string", value: "<n>", help: "streams of a request at once (default 1)" },
    keys: { type: "string", value: "<n>", help: "chunks a stream; else as the file's GET_KEYs say, or 1" },
    json: { type: "boolean", help: "print one JSON object a stream" },
    ...EDGE_OPTIONS,
    edge: {
      type: "string",
      value: "<at>",
      help: "one end: an edge's URL, or an agent's JSON/TCP listener (host:port)",
    },
    peer: { type: "string", value: "<at>", help: "the other end; the same edge where it is left out" },
    as: { type: "string", value: "<name>", help: "SAE at this end (default: whom the request's source means)" },
    "peer-token-file": {
      type: "string",
      value: "<file>",
      help: "its token; else QKD_PEER_TOKEN_FILE or QKD_PEER_TOKEN",
    },
    "peer-as": { type: "string", value: "<name>", help: "SAE at the other end (default: whom its destination means)" },
  },
  notes: [
    'REQUEST is a file as the hybridization module\'s drivers read it: {"command":"OPEN_CONNECT","data":{...}}, or a list of',
    "such, each perhaps followed by GET_KEY and CLOSE. With `npm start` running here, both tokens are found by themselves.",
    "Never prints a byte of key. Exit code 0 where all are equal.",
    "",
    "Example: npm run qkd -- stream run open_connect_request.json --parallel 10",
    "         npm run qkd -- stream run open_connect_request.json --edge 127.0.0.1:65430 --peer 127.0.0.1:65431",
  ],
  run: runAll,
};

async function runAll({ args, terminal, around }: CommandContext): Promise<ExitCode> {
  const file = path.resolve(around.cwd, args.first());
  const parallel = args.wholeNumber("parallel", 1, LIMITS.streamRunParallel) ?? 1;
  const keys = args.wholeNumber("keys", 1, LIMITS.streamRunKeys);
  const templates = readTemplates(readJson(file), args.first());
  const outcomes: Outcome[] = [];
  for (const template of templates) {
    const open = await connectEnds(args, around, template);
    const indices = indicesOf(template, keys);
    const some = await runStreams(open, template, { parallel, indices, nowMs: () => performance.now() });
    for (const outcome of some) terminal.line(args.flag("json") ? JSON.stringify(wireOf(outcome)) : lineOf(outcome));
    outcomes.push(...some);
  }
  if (!args.flag("json")) terminal.line(summaryOf(outcomes));
  return outcomes.every(({ result }) => result === "equal") ? EXIT.ok : EXIT.error;
}

/** The first chunk, where neither the template nor the user says. */
const indicesOf = ({ indices }: Template, keys: number | undefined): readonly number[] =>
  keys === undefined && indices.length > 0 ? indices : Array.from({ length: keys ?? 1 }, (_, index) => index);

const wireOf = ({ ksid, chunkBytes, chunks, result, mixtures, message, ms }: Outcome) => ({
  key_stream_ID: ksid,
  Key_chunk_size: chunkBytes,
  chunks,
  result,
  ...(mixtures.length === 0 ? {} : { hybrid: mixtures }),
  ...(message === null ? {} : { message }),
  ms: Math.round(ms),
});

function lineOf({ ksid, chunkBytes, chunks, result, mixtures, message, ms }: Outcome): string {
  const size = chunkBytes === null ? "-" : `${chunks} x ${chunkBytes} bytes`;
  const columns = [(ksid ?? "-").padEnd(36), size.padStart(14), result.padEnd(7), `${Math.round(ms)} ms`.padStart(8)];
  return [...columns, ...mixtures.map(mixtureText), ...(message === null ? [] : [message])].join("  ");
}

function summaryOf(outcomes: readonly Outcome[]): string {
  const parts = (["equal", "unequal", "failed"] as const).map((result) => ({
    result,
    count: outcomes.filter((outcome) => outcome.result === result).length,
  }));
  const told = parts.filter(({ count }) => count > 0).map(({ result, count }) => `${count} ${result}`);
  return `${plural(outcomes.length, "stream")}: ${told.join(", ")}`;
}
