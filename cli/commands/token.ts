/** `qkd token create|revoke`: bearer tokens. The edge has their SHA-256 only. */
import { randomBytes } from "node:crypto";
import path from "node:path";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { VersionSchema } from "../../shared/api/schemas.ts";
import { expectShape } from "../lib/answers.ts";
import { type Api, ApiFailure } from "../lib/api.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { networkInForce } from "../lib/network-in-force.ts";
import { newSecretFile } from "../lib/secret-file.ts";
import { COMMON_OPTIONS } from "../lib/settings.ts";
import {
  parseScopes,
  parseWhose,
  TOKEN_ROLES,
  type TokenCredential,
  type Whose,
  withCredential,
} from "../lib/token-grant.ts";
import { REVOKE_OPTIONS, runRevoke } from "./revoke.ts";

const TOKEN_BYTES = 32;
const MAX_DAYS = 3652;
const DAY_MS = 24 * 3600 * 1000;

const create: Command = {
  name: "token create",
  summary: "make a token for an SAE, operator, agent ..., and the entry of the network document that admits it",
  positional: { name: "ROLE:ID", min: 1, max: 1 },
  options: {
    apply: { type: "boolean", help: "put the entry into the network document in force" },
    out: { type: "string", value: "<file>", help: "write the token into a new file that its owner alone can read" },
    days: { type: "string", value: "<n>", help: "how long it is good (default: until it is revoked)" },
    scopes: { type: "string", value: "<a,b>", help: "all it may do (default: what its role may)" },
    ...COMMON_OPTIONS,
  },
  notes: [
    `ROLE is one of ${TOKEN_ROLES.join(", ")}. The token is shown this once; nobody can have it again.`,
    "Without --apply nothing is changed: what is printed goes into `credentials` of who it is for.",
    "",
    "Example: npm run qkd -- token create sae:sae-a --out sae-a.token --apply",
    "         npm run qkd -- token create operator:grafana --scopes metrics.read --days 365",
  ],
  run: runCreate,
};

async function runCreate(context: CommandContext): Promise<ExitCode> {
  const { args, around, terminal, api } = context;
  const whose = parseWhose(args.first());
  const days = args.wholeNumber("days", 1, MAX_DAYS);
  const scopes = args.text("scopes");
  const token = randomBytes(TOKEN_BYTES).toString("hex");
  const credential: TokenCredential = {
    type: "token",
    sha256: tokenSha256(token),
    ...(days === undefined ? {} : { expires: new Date(Date.now() + days * DAY_MS).toISOString() }),
    ...(scopes === undefined ? {} : { scopes: parseScopes(scopes, whose.role) }),
  };
  const out = args.text("out");
  const file = out === undefined ? null : newSecretFile(path.resolve(around.cwd, out));
  try {
    // Whoever applies it can no longer be told the token should the file not take it.
    file?.write(token);
    const version = args.flag("apply") ? await admit(api(), whose, credential) : null;
    const told = { ...(file === null ? { token } : { token_file: file.name }), credential, ...applied(version) };
    if (args.flag("json")) terminal.line(JSON.stringify(told));
    else for (const line of describe(whose, told, version)) terminal.line(line);
    return EXIT.ok;
  } catch (error) {
    if (error instanceof InDoubt) terminal.note(whereToken(token, file?.name));
    else file?.remove();
    throw error;
  }
}

const applied = (version: number | null) => (version === null ? {} : { version });

const whereToken = (token: string, file: string | undefined): string =>
  file === undefined ? `token, shown this once: ${token}` : `the token -> ${file}`;

function describe(
  { role, id }: Whose,
  {
    token,
    token_file,
    credential,
  }: { readonly token?: string; readonly token_file?: string; readonly credential: object },
  version: number | null,
): readonly string[] {
  return [
    whereToken(token ?? "", token_file),
    version === null
      ? `an entry of \`credentials\` of ${role} ${id}, for the network document:`
      : `admitted as ${role} ${id} by version ${version} of the network document:`,
    `  ${JSON.stringify(credential)}`,
  ];
}

/** Whether the document now holds the entry is not known. */
class InDoubt extends CliFailure {}

/** @returns the new version of the network document. @throws InDoubt where the answer that tells it did not come */
async function admit(api: Api, whose: Whose, credential: TokenCredential): Promise<number> {
  const inForce = await networkInForce(api);
  if (inForce === null) throw new CliFailure("there is no network document yet", "`network apply` puts the first one");
  const document = withCredential(inForce.document as unknown as NetworkDocumentInput, whose, credential);
  const body = JSON.stringify(document);
  try {
    const put = await api.call({ method: "PUT", path: "/api/v1/network", body, ifMatch: inForce.version });
    return expectShape(VersionSchema, put.json).version;
  } catch (error) {
    if (!(error instanceof CliFailure) || (error instanceof ApiFailure && error.status < 500)) throw error;
    throw new InDoubt(
      `${error.message}; the token may or may not count by now`,
      `it does if \`network show\` has the SHA-256 ${credential.sha256}`,
    );
  }
}

const revokeToken: Command = {
  name: "token revoke",
  summary: "revoke a token, for ever: as `revoke token`",
  positional: { name: "VALUE", min: 1, max: 1 },
  options: REVOKE_OPTIONS,
  notes: [
    "VALUE: the token's SHA-256 in hex, as the network document has it, or @FILE with the bare token itself.",
    "",
    "Example: npm run qkd -- token revoke @sae-a.token --reason 'laptop lost'",
  ],
  run: (context) => runRevoke(context, "token", context.args.first()),
};

export const tokenCommands: readonly Command[] = [create, revokeToken];
