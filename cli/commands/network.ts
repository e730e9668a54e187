/** `qkd network ...`: the network document, from a file to the edge and back. */
import path from "node:path";
import * as v from "valibot";
import { NetworkDiffSchema, NetworkVersionsSchema, VersionSchema } from "../../shared/api/schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import type { Answer } from "../lib/api.ts";
import { parseWholeNumber, type Args } from "../lib/args.ts";
import { expectShape } from "../lib/answers.ts";
import { NO_POSITIONALS, type Command, type CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { describeFaults } from "../lib/faults.ts";
import { describeDiff } from "../lib/network-diff.ts";
import { networkInForce } from "../lib/network-in-force.ts";
import { COMMON_OPTIONS, CONNECTION_OPTIONS, JSON_OPTION, parseJson, readText } from "../lib/settings.ts";
import { plural, renderTable } from "../lib/text.ts";

const FILE = { name: "FILE", min: 1, max: 1 } as const;
/** Of what is JSON in any case. */
const ONE_LINE = { json: { type: "boolean", help: "print it in one line" } } as const;
const MAX_VERSION = Number.MAX_SAFE_INTEGER;
const IF_MATCH = {
  "if-match": { type: "string", value: "<version>", help: "apply only if this is still the version in force" },
} as const;

const validate: Command = {
  name: "network validate",
  summary: "check a network document, without an edge",
  positional: FILE,
  options: JSON_OPTION,
  notes: ["`network diff` also checks it against the document in force."],
  async run({ args, terminal, around }) {
    const { document } = readDocument(args, around.cwd);
    const result = validateNetwork(document);
    if (!result.ok) {
      const { message, details = [] } = result.error;
      if (args.flag("json")) terminal.line(JSON.stringify({ valid: false, message, details }));
      else for (const line of [message, ...describeFaults(details)]) terminal.note(line);
      return EXIT.error;
    }
    const { nodes, links, saes } = result.value;
    if (args.flag("json")) {
      terminal.line(JSON.stringify({ valid: true, nodes: nodes.length, links: links.length, saes: saes.length }));
      return EXIT.ok;
    }
    const parts = [plural(nodes.length, "node"), plural(links.length, "link"), plural(saes.length, "SAE")];
    terminal.line(`valid: ${parts.join(", ")}`);
    return EXIT.ok;
  },
};

const diff: Command = {
  name: "network diff",
  summary: "tell what a document would change; changes nothing",
  positional: FILE,
  options: COMMON_OPTIONS,
  async run(context) {
    const { document } = readDocument(context.args, context.around.cwd);
    const answer = await postDiff(context, document);
    const version = await currentVersion(context);
    if (context.args.flag("json")) context.terminal.line(JSON.stringify({ version, ...answer }));
    else for (const line of describeDiff(answer, version)) context.terminal.line(line);
    return EXIT.ok;
  },
};

const apply: Command = {
  name: "network apply",
  summary: "put a document in force, as a whole",
  positional: FILE,
  options: { ...IF_MATCH, ...COMMON_OPTIONS },
  notes: ["Without --if-match it replaces the version that it printed the differences to, and no later one."],
  async run(context) {
    const { args, terminal } = context;
    const { text, document } = readDocument(args, context.around.cwd);
    // The version is read before the differences: whoever changes the document in between makes the PUT fail.
    const version = args.wholeNumber("if-match", 0, MAX_VERSION) ?? (await currentVersion(context));
    const answer = await postDiff(context, document);
    if (!args.flag("json")) for (const line of describeDiff(answer, version)) terminal.line(line);
    const put = await context.api().call({ method: "PUT", path: "/api/v1/network", body: text, ifMatch: version });
    return reportVersion(context, put, "applied as version");
  },
};

const show: Command = {
  name: "network show",
  summary: "print the document in force",
  positional: NO_POSITIONALS,
  options: {
    version: { type: "string", value: "<n>", help: "an older version" },
    ...ONE_LINE,
    ...CONNECTION_OPTIONS,
  },
  async run({ args, terminal, api }) {
    const version = args.wholeNumber("version", 1, MAX_VERSION);
    const query = version === undefined ? "" : `?version=${version}`;
    const { json } = await api().get(`/api/v1/network${query}`);
    terminal.line(JSON.stringify(json, null, args.flag("json") ? 0 : 2));
    return EXIT.ok;
  },
};

const versions: Command = {
  name: "network versions",
  summary: "list the versions kept",
  positional: NO_POSITIONALS,
  options: COMMON_OPTIONS,
  async run({ args, terminal, api }) {
    const answer = expectShape(NetworkVersionsSchema, (await api().get("/api/v1/network/versions")).json);
    if (args.flag("json")) {
      terminal.line(JSON.stringify(answer));
      return EXIT.ok;
    }
    const rows = answer.versions.map(({ version, at, by }) => [String(version), at, by]);
    for (const line of renderTable(["version", "at", "by"], rows, new Set(["version"]))) terminal.line(line);
    return EXIT.ok;
  },
};

const rollback: Command = {
  name: "network rollback",
  summary: "make an older version the one in force",
  positional: { name: "VERSION", min: 1, max: 1 },
  options: { ...IF_MATCH, ...COMMON_OPTIONS },
  notes: ["It becomes a new version. Revocations stay."],
  async run(context) {
    const { args } = context;
    const version = parseWholeNumber("VERSION", args.first(), 1, MAX_VERSION);
    const ifMatch = args.wholeNumber("if-match", 0, MAX_VERSION) ?? (await currentVersion(context));
    const body = JSON.stringify({ version });
    const answer = await context.api().call({ method: "POST", path: "/api/v1/network/restore", body, ifMatch });
    return reportVersion(context, answer, `version ${version} restored as version`);
  },
};

const schema: Command = {
  name: "network schema",
  summary: "print the JSON Schema of network documents",
  positional: NO_POSITIONALS,
  options: { ...ONE_LINE, ...CONNECTION_OPTIONS },
  async run({ args, terminal, api }) {
    const { json } = await api().get("/api/v1/network/schema");
    terminal.line(JSON.stringify(json, null, args.flag("json") ? 0 : 2));
    return EXIT.ok;
  },
};

export const networkCommands: readonly Command[] = [validate, diff, apply, show, versions, rollback, schema];

/** @throws CliFailure for unreadable files, too large ones, and what is not JSON */
function readDocument(args: Args, cwd: string): { readonly text: string; readonly document: unknown } {
  const file = path.resolve(cwd, args.first());
  const text = readText(file);
  const sizeBytes = Buffer.byteLength(text);
  if (sizeBytes > LIMITS.networkBodyBytes) {
    throw new CliFailure(`${file} has ${sizeBytes} bytes; a network document has at most ${LIMITS.networkBodyBytes}`);
  }
  return { text, document: parseJson(text, file) };
}

async function postDiff({ api }: CommandContext, document: unknown): Promise<v.InferOutput<typeof NetworkDiffSchema>> {
  const body = JSON.stringify(document);
  // Changes nothing, so it may be repeated.
  const answer = await api().call({ method: "POST", path: "/api/v1/network/diff", body, retry: true });
  return expectShape(NetworkDiffSchema, answer.json);
}

/** 0 where there is none yet. */
const currentVersion = async ({ api }: CommandContext): Promise<number> => (await networkInForce(api()))?.version ?? 0;

function reportVersion({ args, terminal }: CommandContext, answer: Answer, text: string): ExitCode {
  const { version } = expectShape(VersionSchema, answer.json);
  terminal.line(args.flag("json") ? JSON.stringify({ version }) : `${text} ${version}`);
  return EXIT.ok;
}
