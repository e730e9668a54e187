/** `qkd revoke`: credentials and principals, for ever. */
import { createHash, X509Certificate } from "node:crypto";
import path from "node:path";
import { RevocationSchema, RevocationsSchema } from "../../shared/api/schemas.ts";
import { expectShape } from "../lib/answers.ts";
import { NO_POSITIONALS, type Command } from "../lib/command.ts";
import { CliFailure, EXIT } from "../lib/failure.ts";
import { CONNECTION_OPTIONS, readText } from "../lib/settings.ts";
import { didYouMean } from "../lib/suggest.ts";
import { renderTable } from "../lib/text.ts";

/** How a value given as `@file` becomes what the edge knows the credential by. */
const FROM_FILE = {
  certificate: (file: string) => fingerprintOf(readText(file), file),
  token: (file: string) => createHash("sha256").update(bareToken(file)).digest("hex"),
  principal: (file: string) => readText(file).trim(),
} as const;
/** The hash of anything else than a bare token would be revoked for ever, and nobody cut off. */
function bareToken(file: string): string {
  const text = readText(file).trim();
  if (/^[\x21-\x7e]+$/.test(text) && !text.startsWith("{")) return text;
  throw new CliFailure(`${file} holds more than a bare token`, "write the one token to revoke into a file of its own");
}

type Kind = keyof typeof FROM_FILE;
const KINDS = Object.keys(FROM_FILE);
const isKind = (kind: string): kind is Kind => Object.hasOwn(FROM_FILE, kind);

export const revoke: Command = {
  name: "revoke",
  summary: "revoke a certificate, a token or a principal, for ever",
  positional: { name: "certificate|token|principal VALUE", min: 2, max: 2 },
  options: {
    reason: { type: "string", value: "<text>", help: "why; kept in the list and the audit log" },
    json: { type: "boolean", help: "print JSON" },
    ...CONNECTION_OPTIONS,
  },
  notes: [
    "VALUE: a certificate's or token's SHA-256 in hex, a principal as role:id, or @FILE with the certificate",
    "(PEM) or the bare token itself.",
    "",
    "Example: npm run qkd -- revoke certificate @.qkd/certs/sae-a.crt --reason 'laptop lost'",
  ],
  async run({ args, terminal, around, api }) {
    const [kind = "", value = ""] = args.positionals;
    if (!isKind(kind))
      throw new CliFailure(`cannot revoke "${kind}": one of ${KINDS.join(", ")}.${didYouMean(kind, KINDS)}`);
    const named = value.startsWith("@") ? FROM_FILE[kind](path.resolve(around.cwd, value.slice(1))) : value;
    const body = JSON.stringify({
      kind,
      value: kind === "certificate" ? named.replaceAll(":", "").toLowerCase() : named,
      reason: args.text("reason") ?? "",
    });
    const answer = await api().call({ method: "POST", path: "/api/v1/revocations", body });
    const revocation = expectShape(RevocationSchema, answer.json);
    terminal.line(args.flag("json") ? JSON.stringify(revocation) : `revoked ${revocation.kind} ${revocation.value}`);
    return EXIT.ok;
  },
};

export const revocations: Command = {
  name: "revocations",
  summary: "list what is revoked",
  positional: NO_POSITIONALS,
  options: { json: { type: "boolean", help: "print JSON" }, ...CONNECTION_OPTIONS },
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

/** SHA-256 of the DER certificate, 64 hex digits. */
function fingerprintOf(pem: string, file: string): string {
  try {
    return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
  } catch {
    throw new CliFailure(`${file} holds no PEM certificate`);
  }
}
