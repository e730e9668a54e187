/** `qkd ipsec list|show|post|delete|rekey`: entries of RFC 9061 at the IPsec hosts of nodes. `ipsec tunnel` is its own file. */
import path from "node:path";
import { RekeyBegunSchema } from "../../shared/api/ipsec-schemas.ts";
import type { EntryKind } from "../../shared/ipsec/errand.ts";
import { LIMITS } from "../../shared/limits.ts";
import { expectShape } from "../lib/answers.ts";
import type { Api } from "../lib/api.ts";
import type { Args } from "../lib/args.ts";
import { type Command, NO_POSITIONALS } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { type IpsecStatus, ipsecPath, listIpsecNodes, readIpsec, sendEntries } from "../lib/ipsec.ts";
import { reportBatches, WAIT, WAIT_NOTE, waitWanted } from "../lib/ipsec-batches.ts";
import { describeIpsec, describeIpsecNodes, type ListedIpsec } from "../lib/ipsec-words.ts";
import { COMMON_OPTIONS, readText } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { ipsecTunnel } from "./ipsec-tunnel.ts";

const list: Command = {
  name: "ipsec list",
  summary: "list the nodes with an IPsec host, and how many entries each has",
  positional: NO_POSITIONALS,
  options: COMMON_OPTIONS,
  async run({ args, terminal, api }) {
    const nodes: ListedIpsec[] = [];
    // One after the other, as everywhere.
    for (const each of await listIpsecNodes(api())) {
      nodes.push({ ...each, status: each.isElsewhere ? null : await readIpsec(api(), each.node) });
    }
    if (args.flag("json")) terminal.line(JSON.stringify({ nodes }));
    else for (const line of describeIpsecNodes(nodes)) terminal.line(line);
    return EXIT.ok;
  },
};

const show: Command = {
  name: "ipsec show",
  summary: "show a node's SPD and SAD entries, what its IPsec host has told, and its alarms",
  positional: { name: "NODE", min: 1, max: 1 },
  options: COMMON_OPTIONS,
  notes: [`At most ${LIMITS.ipsecEntriesListed} entries. No key is among it: the edge has none.`],
  async run({ args, terminal, api }) {
    const status = await readIpsec(api(), args.first());
    if (args.flag("json")) terminal.line(JSON.stringify(status));
    else for (const line of describeIpsec(status)) terminal.line(line);
    return EXIT.ok;
  },
};

const post: Command = {
  name: "ipsec post",
  summary: "install the SPD and SAD entries of a file at a node's IPsec host",
  positional: { name: "NODE FILE", min: 2, max: 2 },
  options: { ...WAIT, ...COMMON_OPTIONS },
  notes: [
    "JSON objects with spd-entry or sad-entry, one after the other or in an array; or XML. Keys in it are not used: the",
    "agents of both ends make one for each SA, so its entry has to be posted to both nodes.",
    ...WAIT_NOTE,
    "",
    "Example: npm run qkd -- ipsec post tn-1 entries.json",
  ],
  async run(context) {
    const { args, around, api } = context;
    const [node = "", file = ""] = args.positionals;
    const waitS = waitWanted(args);
    const body = readEntriesFile(path.resolve(around.cwd, file));
    const contentType = body.trimStart().startsWith("<") ? "application/xml" : "application/json";
    const batch = await sendEntries(api(), { method: "POST", node, body, contentType, waitS });
    return reportBatches(context, [{ node, batch }], waitS);
  },
};

function readEntriesFile(file: string): string {
  const body = readText(file);
  const sizeBytes = Buffer.byteLength(body);
  if (sizeBytes <= LIMITS.ipsecBodyBytes) return body;
  throw new CliFailure(`${file} has ${sizeBytes} bytes; entries of one call have at most ${LIMITS.ipsecBodyBytes}`);
}

interface Deletion {
  readonly kind: EntryKind;
  readonly name: string;
}

const remove: Command = {
  name: "ipsec delete",
  summary: "delete SPD and SAD entries at a node's IPsec host",
  positional: { name: "NODE NAME...", min: 2, max: LIMITS.ipsecListEntries },
  options: {
    kind: { type: "string", value: "<sad|spd>", help: "of all names; needed for entries that the edge does not know" },
    reqid: { type: "string", value: "<n>", help: "with --kind: of those entries (default 0)" },
    ...WAIT,
    ...COMMON_OPTIONS,
  },
  notes: [
    "Without --kind a name is looked up, and what has that name is deleted, policy and SA. At this node only: at the",
    "other end of a tunnel the entries have the same names.",
    ...WAIT_NOTE,
    "",
    "Example: npm run qkd -- ipsec delete tn-1 out/10.0.0.11/in/10.0.0.20 out/10.0.0.11/in/10.0.0.20_4711",
  ],
  async run(context) {
    const { args, api } = context;
    const [node = "", ...names] = args.positionals;
    const waitS = waitWanted(args);
    const reqid = args.wholeNumber("reqid", 0, Number.MAX_SAFE_INTEGER) ?? 0;
    const kind = kindWanted(args);
    if (kind === null && args.text("reqid") !== undefined) throw new CliFailure("--reqid goes with --kind");
    const wanted = kind === null ? await lookedUp(api(), node, names) : names.map((name) => ({ kind, name }));
    const body = JSON.stringify(wanted.map((each) => ({ [`${each.kind}-entry`]: { name: each.name, reqid } })));
    const batch = await sendEntries(api(), { method: "DELETE", node, body, waitS });
    return reportBatches(context, [{ node, batch }], waitS);
  },
};

function kindWanted(args: Args): EntryKind | null {
  const kind = args.text("kind");
  if (kind === undefined || kind === "sad" || kind === "spd") return kind ?? null;
  throw new CliFailure(`--kind shall be sad or spd, not "${kind.slice(0, 40)}".${didYouMean(kind, ["sad", "spd"])}`);
}

/** @throws CliFailure for a name that nothing has: a slip of the pen would be "deleted" */
async function lookedUp(api: Api, node: string, names: readonly string[]): Promise<readonly Deletion[]> {
  const { entries } = await readIpsec(api, node);
  return names.flatMap((name) => {
    const found = entries.filter((each) => each.name === name).flatMap(({ kind }) => (kind === null ? [] : [kind]));
    if (found.length === 0) throw noEntry(name, node, entries, BY_KIND);
    return [...new Set(found)].map((kind) => ({ kind, name }));
  });
}

const noEntry = (name: string, node: string, entries: IpsecStatus["entries"], more = ""): CliFailure =>
  new CliFailure(
    `no entry "${name.slice(0, 80)}" at ${node}.${didYouMean(
      name,
      entries.flatMap((each) => each.name ?? []),
    )}`,
    `\`qkd ipsec show\` lists them${more}`,
  );

const BY_KIND =
  "; --kind sad or --kind spd takes a name as it is: one that only the host knows, or by which an SA was posted before a rekey";

const rekey: Command = {
  name: "ipsec rekey",
  summary: "make the SAs of a tunnel anew now, in both directions and without a gap",
  positional: { name: "NODE NAME", min: 2, max: 2 },
  options: COMMON_OPTIONS,
  notes: [
    "NAME is that of one of its SAs. The new ones have names and SPIs of their own. It goes on by itself: ipsec show tells",
    "how far it is.",
    "",
    "Example: npm run qkd -- ipsec rekey tn-1 out/10.0.0.11/in/10.0.0.20_4711",
  ],
  async run({ args, terminal, api }) {
    const [node = "", name = ""] = args.positionals;
    // One that is under way is told again.
    const answer = await api().call({
      method: "POST",
      path: ipsecPath(node, "rekey"),
      body: JSON.stringify({ name }),
      retry: true,
      accept: [404],
    });
    if (answer.status === 404) {
      const { entries } = await readIpsec(api(), node);
      throw noEntry(
        name,
        node,
        entries.filter(({ kind }) => kind === "sad"),
      );
    }
    const { rekey: id } = expectShape(RekeyBegunSchema, answer.json);
    terminal.line(args.flag("json") ? JSON.stringify({ rekey: id }) : `rekey ${id} is under way at ${node}`);
    return EXIT.ok;
  },
};

export const ipsecCommands: readonly Command[] = [list, show, post, remove, rekey, ipsecTunnel];
