/** `qkd password`: hashes a secret for the network document. */
import { randomBytes, scryptSync } from "node:crypto";
import { LIMITS } from "../../shared/limits.ts";
import {
  DEFAULT_COST,
  HASH_BYTES,
  isHashable,
  SALT_BYTES,
  writePasswordHash,
} from "../../shared/open-qkd-network/password-hash.ts";
import { NO_POSITIONALS, type Command, type CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { readSecret } from "../lib/read-secret.ts";
import { JSON_OPTION } from "../lib/settings.ts";

/** Whoever gets hold of the hash of a shorter one has it before long. */
const SHORT_CHARS = 12;
/** Above 128 * N * r. */
const MAX_MEMORY_BYTES = 80 * 1024 * 1024;

/** Taken only to be refused in words of its own, which do not repeat it. */
const ANY_POSITIONALS = { ...NO_POSITIONALS, max: Number.MAX_SAFE_INTEGER };

export const password: Command = {
  name: "password",
  summary: "hash a password for a user or a client of the Open-QKD-Network KMS API",
  positional: ANY_POSITIONALS,
  options: JSON_OPTION,
  notes: [
    "It is typed without an echo, or piped in as one line: never an argument, which anybody on the machine can read.",
    "What is printed goes into the network document: kms_users[].password, kms_clients[].secret.",
    "",
    "Example: qkd password < secret.txt",
  ],
  run: hashPassword,
};

async function hashPassword({ args, terminal, around }: CommandContext): Promise<ExitCode> {
  if (args.positionals.length > 0) {
    throw new CliFailure("a password is never an argument: type it when asked, or pipe it in", "qkd password < FILE");
  }
  const secret = await (around.readSecret ?? readSecret)("password");
  if (secret === "") throw new CliFailure("no password was given: it is empty");
  if (secret.length > LIMITS.kmsSecretChars) {
    throw new CliFailure(`a password may have ${LIMITS.kmsSecretChars} characters at most`);
  }
  if (!isHashable(secret)) throw new CliFailure("a password has no NUL in it");
  if (secret.length < SHORT_CHARS) {
    terminal.note(`note: shorter than ${SHORT_CHARS} characters, it can be guessed by who has the hash`);
  }
  const { log2N, r, p } = DEFAULT_COST;
  const salt = randomBytes(SALT_BYTES);
  const hash = scryptSync(secret, salt, HASH_BYTES, { N: 2 ** log2N, r, p, maxmem: MAX_MEMORY_BYTES });
  const written = writePasswordHash({ log2N, r, p, salt, hash });
  terminal.line(args.flag("json") ? JSON.stringify({ hash: written }) : written);
  return EXIT.ok;
}
