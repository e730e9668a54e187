/** From the options of `qkd stream run` to the two ends: edges with a token each, or two agents' listeners. */
import { existsSync } from "node:fs";
import path from "node:path";
import { Etsi004Client } from "../../client/index.ts";
import { resolveAddress } from "../../shared/etsi004/address.ts";
import { buildLookup, type Lookup } from "../../shared/network/lookup.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { parseAddress } from "../lib/address.ts";
import { Api } from "../lib/api.ts";
import { Args } from "../lib/args.ts";
import { CliFailure } from "../lib/failure.ts";
import { resolveSettings, type Settings, stateFolder, type Surroundings } from "../lib/settings.ts";
import { fetchWith } from "../lib/tls-fetch.ts";
import { agentEnds } from "./agent-ends.ts";
import { edgeEnds } from "./edge-ends.ts";
import type { OpenStreams } from "./ends.ts";
import type { Template } from "./template.ts";

/** Which options and variables say where one end is, and as whom. */
const SIDES = [
  { at: "edge", file: "token-file", as: "as", variables: { QKD_TOKEN: "QKD_TOKEN", QKD_TOKEN_FILE: "QKD_TOKEN_FILE" } },
  {
    at: "peer",
    file: "peer-token-file",
    as: "peer-as",
    variables: { QKD_TOKEN: "QKD_PEER_TOKEN", QKD_TOKEN_FILE: "QKD_PEER_TOKEN_FILE" },
  },
] as const;
type Side = (typeof SIDES)[number];

/** @throws CliFailure where an address, a token or who is meant is not to be found */
export async function connectEnds(args: Args, around: Surroundings, { open }: Template): Promise<OpenStreams> {
  const [edge, peer] = [args.text("edge"), args.text("peer")];
  const agents = [edge, peer].map((text) => (text === undefined ? null : parseAddress(text)));
  const [agentA, agentB] = agents;
  if (agentA != null && agentB != null) return agentEnds([agentA, agentB]);
  if (agentA != null || agentB != null) {
    throw new CliFailure("--edge and --peer shall both be edges (URLs), or both agents (host:port)");
  }
  const names = await missingNames(args, around, open);
  const [a, b] = SIDES.map((side, i) => settingsOf(side, args, around, names[i]));
  if (a === undefined || b === undefined) throw new CliFailure("two ends are needed");
  return edgeEnds([clientOf(a), clientOf(b)]);
}

const clientOf = ({ edge, token, tls }: Settings): Etsi004Client =>
  new Etsi004Client({
    baseUrl: edge,
    binding: "json-tcp",
    ...(token === null ? {} : { token }),
    ...(tls === null ? {} : { fetch: fetchWith(tls) }),
  });

/** The peer's edge is the same one where no other is named. */
function settingsOf(side: Side, args: Args, around: Surroundings, name: string | undefined): Settings {
  const values = {
    edge: args.text(side.at) ?? args.text("edge"),
    ca: args.text("ca"),
    state: args.text("state"),
    "token-file": args.text(side.file),
    as: args.text(side.as) ?? name,
  };
  return resolveSettings(new Args(values, []), { ...withoutPrincipal(around), env: envOf(side, around) });
}

/** The user's configuration is of one principal, and the two ends are two. */
const withoutPrincipal = ({ config: { edge, ca } = {}, ...around }: Surroundings): Surroundings => ({
  ...around,
  config: { edge, ca },
});

const envOf = ({ variables }: Side, { env }: Surroundings): Surroundings["env"] => ({
  ...env,
  QKD_AS: undefined,
  QKD_CERT: undefined,
  QKD_KEY: undefined,
  QKD_TOKEN: env[variables.QKD_TOKEN],
  QKD_TOKEN_FILE: env[variables.QKD_TOKEN_FILE],
});

/** Is this end's token the state folder's, of a name that nobody told? */
function isNameless(side: Side, args: Args, around: Surroundings): boolean {
  const env = envOf(side, around);
  const told = [args.text(side.file), args.text(side.as), env["QKD_TOKEN"], env["QKD_TOKEN_FILE"]];
  return (
    told.every((text) => text === undefined || text === "") &&
    existsSync(path.join(stateFolder(args, around), "tokens.json"))
  );
}

/** The SAEs that the template's two addresses mean, as the network document of `npm start`'s operator has it. */
async function missingNames(
  args: Args,
  around: Surroundings,
  { source, destination }: Template["open"],
): Promise<readonly (string | undefined)[]> {
  if (!SIDES.some((side) => isNameless(side, args, around))) return [];
  const operator = new Args({ edge: args.text("edge"), ca: args.text("ca"), state: args.text("state") }, []);
  const env = { ...envOf(SIDES[0], around), QKD_TOKEN: undefined, QKD_TOKEN_FILE: undefined };
  const lookup = await readLookup(new Api(resolveSettings(operator, { ...withoutPrincipal(around), env })));
  const first = args.text("as") ?? saeMeant(lookup, source, null);
  return [first, saeMeant(lookup, destination, first)];
}

async function readLookup(api: Api): Promise<Lookup> {
  const valid = validateNetwork((await api.get("/api/v1/network")).json);
  if (!valid.ok) throw new CliFailure("the edge's network document is not what this version expects");
  const document = valid.value;
  return buildLookup({ sequence: 0, documentVersion: 0, document, revocations: [], drains: [], bootstrapOpen: false });
}

/** A node with several SAEs stands for the first of them that is not at the other end already. */
function saeMeant(lookup: Lookup, address: string, other: string | null): string {
  const meant = resolveAddress(lookup, address);
  const there = meant === null ? [] : (lookup.saesByNode.get(meant.node) ?? []);
  const sae = meant?.sae ?? there.find(({ id }) => id !== other)?.id;
  if (sae === undefined) {
    throw new CliFailure(
      `"${address.slice(0, 120)}" means no SAE of this network`,
      "say who it is by --as and --peer-as",
    );
  }
  return sae;
}
