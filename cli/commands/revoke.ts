/** `qkd revoke`: credentials and principals, for ever. */
import { createHash } from "node:crypto";
import path from "node:path";
import * as v from "valibot";
import { NetworkDocumentSchema, RevocationSchema, RevocationsSchema } from "../../shared/api/schemas.ts";
import { isTokenText } from "../../shared/auth/token.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { affectedBy, type Revoking, warningOf } from "../lib/affected.ts";
import { expectShape } from "../lib/answers.ts";
import { certificateIn } from "../lib/certificate.ts";
import { NO_POSITIONALS, type Command, type CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { COMMON_OPTIONS, readText } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { renderTable } from "../lib/text.ts";

/** How a value given as it is, or as `@file`, becomes what the edge knows the credential by. */
const READERS = {
  certificate: {
    asIs: (value: string) => ({ value: value.replaceAll(":", "").toLowerCase(), certificate: null }),
    fromFile: (file: string) => {
      const certificate = certificateIn(readText(file), file);
      return { value: certificate.fingerprint256.replaceAll(":", "").toLowerCase(), certificate };
    },
  },
  token: {
    asIs: (value: string) => ({ value: sha256InHex(value), certificate: null }),
    fromFile: (file: string) => ({
      value: createHash("sha256").update(bareToken(file)).digest("hex"),
      certificate: null,
    }),
  },
  principal: {
    asIs: (value: string) => ({ value, certificate: null }),
    fromFile: (file: string) => ({ value: readText(file).trim(), certificate: null }),
  },
} as const;
type Kind = keyof typeof READERS;
const KINDS = Object.keys(READERS);
const isKind = (kind: string): kind is Kind => Object.hasOwn(READERS, kind);

/** Most likely the token itself, which then is in the shell's history. It goes no further. */
function sha256InHex(text: string): string {
  if (/^[0-9a-f]{64}$/i.test(text)) return text.toLowerCase();
  throw new CliFailure(
    "this is no SHA-256 of a token: 64 hex digits",
    "of a token itself write the one line into a file: revoke token @FILE",
  );
}

/** The hash of anything else than a bare token would be revoked for ever, and nobody cut off. */
function bareToken(file: string): string {
  const text = readText(file).trim();
  if (isTokenText(text) && !text.startsWith("{")) return text;
  throw new CliFailure(`${file} holds more than a bare token`, "write the one token to revoke into a file of its own");
}

export const REVOKE_OPTIONS = {
  reason: { type: "string", value: "<text>", help: "why; kept in the list and the audit log" },
  force: { type: "boolean", help: "even if no operator is left who could write the network" },
  ...COMMON_OPTIONS,
} as const;

export const revoke: Command = {
  name: "revoke",
  summary: "revoke a certificate, a token or a principal, for ever",
  positional: { name: "certificate|token|principal VALUE", min: 2, max: 2, choices: KINDS },
  options: REVOKE_OPTIONS,
  notes: [
    "VALUE: a certificate's or token's SHA-256 in hex, a principal as role:id, or @FILE with the certificate",
    "(PEM) or the bare token itself.",
    "",
    "Example: npm run qkd -- revoke certificate @.qkd/certs/sae-a.crt --reason 'laptop lost'",
  ],
  run: (context) => {
    const [kind = "", given = ""] = context.args.positionals;
    return runRevoke(context, kind, given);
  },
};

export async function runRevoke(context: CommandContext, kind: string, given: string): Promise<ExitCode> {
  const { args, terminal, around, api } = context;
  if (!isKind(kind))
    throw new CliFailure(`cannot revoke "${kind}": one of ${KINDS.join(", ")}.${didYouMean(kind, KINDS)}`);
  const { asIs, fromFile } = READERS[kind];
  const read = given.startsWith("@") ? fromFile(path.resolve(around.cwd, given.slice(1))) : asIs(given);
  const revoking: Revoking = { kind, ...read };
  // Before, because it may be the caller's own token that is revoked.
  const document = await networkIfReadable(context);
  const body = { kind, value: read.value, reason: args.text("reason") ?? "", force: args.flag("force") };
  const answer = await api().call({ method: "POST", path: "/api/v1/revocations", body: JSON.stringify(body) });
  const revocation = expectShape(RevocationSchema, answer.json);
  const affected = document === null ? [] : affectedBy(document, revoking);
  const whose = affected.length === 0 || kind === "principal" ? "" : ` (of ${affected.join(", ")})`;
  terminal.line(
    args.flag("json") ? JSON.stringify(revocation) : `revoked ${revocation.kind} ${revocation.value}${whose}`,
  );
  if (document !== null && affected.length === 0) terminal.note(warningOf(document, revoking));
  return EXIT.ok;
}

/** Null where it is not to be had: whom it hits then stays unsaid, and is cut off all the same. */
async function networkIfReadable({ api, terminal }: CommandContext): Promise<NetworkDocument | null> {
  const { status, json } = await api().call({ path: "/api/v1/network", retry: true, accept: [403, 404] });
  if (status !== 200) return null;
  const { success, output } = v.safeParse(NetworkDocumentSchema, json);
  if (success) return output;
  terminal.note("note: the edge's network document is not what this version expects: whom this hits is not known here");
  return null;
}

export const revocations: Command = {
  name: "revocations",
  summary: "list what is revoked",
  positional: NO_POSITIONALS,
  options: COMMON_OPTIONS,
  async run({ args, terminal, api }) {
    const answer = expectShape(RevocationsSchema, (await api().get("/api/v1/revocations")).json);
    if (args.flag("json")) {
      terminal.line(JSON.stringify(answer));
      return EXIT.ok;
    }
    const rows = answer.revocations.map(({ at, kind, value, by, reason }) => [at, kind, value, by, reason]);
    for (const line of renderTable(["at", "kind", "value", "by", "reason"], rows)) terminal.line(line);
    return EXIT.ok;
  },
};
