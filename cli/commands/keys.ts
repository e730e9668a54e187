/** `qkd keys get|dec`: keys of ETSI GS QKD 014, as an SAE. They are shown only where that is asked for. */
import path from "node:path";
import { type DeliveredKey, Etsi014Client, QkdError, RefusedError, UnreachableError } from "../../client/index.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import { networkError, unreachable } from "../lib/api.ts";
import type { Command, CommandContext } from "../lib/command.ts";
import { CliFailure, EXIT, type ExitCode } from "../lib/failure.ts";
import { newSecretFile } from "../lib/secret-file.ts";
import { COMMON_OPTIONS, resolveSettings, type Settings } from "../lib/settings.ts";
import { plural } from "../lib/text.ts";
import { fetchWith } from "../lib/tls-fetch.ts";

/** What becomes of keys that have come. */
const KEY_OPTIONS = {
  show: { type: "boolean", help: "print the keys, in base64, and not only how long they are" },
  out: {
    type: "string",
    value: "<file>",
    help: "write them into a new file that its owner alone can read, as a Key container",
  },
  ...COMMON_OPTIONS,
  as: { type: "string", value: "<sae>", help: "whose token to take from a tokens.json; else QKD_AS" },
} as const;

const NOTES = [
  "You are an SAE: by its token, or at its KME by its certificate. Without --show and --out nobody sees a byte of a key.",
  "",
] as const;

const get: Command = {
  name: "keys get",
  summary: "get keys as the master SAE, for a slave to fetch by their IDs",
  positional: { name: "SLAVE...", min: 1, max: 1 + LIMITS.multicastSaes },
  options: {
    number: { type: "string", value: "<n>", help: "how many (default 1)" },
    size: { type: "string", value: "<bits>", help: "of each (default: the KME's)" },
    ...KEY_OPTIONS,
  },
  notes: [
    ...NOTES,
    "Several slaves get the same keys (multicast).",
    "",
    "Example: npm run qkd -- keys get sae-b --as sae-a",
    "         npm run qkd -- keys get sae-b --edge https://127.0.0.1:9000 --ca ca.crt --cert sae-a.crt --key sae-a.key",
  ],
  async run(context) {
    const { args } = context;
    const count = args.wholeNumber("number", 1, Number.MAX_SAFE_INTEGER);
    const sizeBits = args.wholeNumber("size", 1, Number.MAX_SAFE_INTEGER);
    const [slave = "", ...additionalSlaves] = args.positionals;
    return await fetchKeys(context, (kme) =>
      kme.getKey(slave, {
        additionalSlaves,
        ...(count === undefined ? {} : { count }),
        ...(sizeBits === undefined ? {} : { sizeBits }),
      }),
    );
  },
};

const dec: Command = {
  name: "keys dec",
  summary: "fetch the keys that a master SAE was given, by their IDs",
  positional: { name: "MASTER KEY_ID...", min: 2, max: 1 + LIMITS.keysPerRequest },
  options: KEY_OPTIONS,
  notes: [
    ...NOTES,
    "Each key can be fetched once.",
    "",
    "Example: npm run qkd -- keys dec sae-a 550e8400-e29b-41d4-a716-446655440000 --as sae-b --out key.json",
  ],
  async run(context) {
    const [master = "", ...keyIds] = context.args.positionals;
    return await fetchKeys(context, (kme) => kme.getKeyWithIds(master, keyIds));
  },
};

export const keyCommands: readonly Command[] = [get, dec];

async function fetchKeys(
  { args, around, terminal }: CommandContext,
  ask: (kme: Etsi014Client) => Promise<readonly DeliveredKey[]>,
): Promise<ExitCode> {
  const settings = resolveSettings(args, around);
  const kme = clientOf(settings);
  // Before: a key that has come and cannot be written is lost.
  const out = args.text("out");
  const file = out === undefined ? null : newSecretFile(path.resolve(around.cwd, out));
  let keys: readonly DeliveredKey[] = [];
  try {
    keys = await orFailure(settings.edge, ask(kme));
    file?.write(`${JSON.stringify(containerOf(keys))}\n`);
    const isShown = args.flag("show");
    if (args.flag("json")) terminal.line(JSON.stringify(isShown ? containerOf(keys) : sizesOf(keys)));
    else for (const { keyId, key } of keys) terminal.line(`${keyId}  ${isShown ? toBase64(key) : hidden(key)}`);
    if (file !== null) terminal.note(`${plural(keys.length, "key")} -> ${file.name}`);
    return EXIT.ok;
  } catch (error) {
    file?.remove();
    throw error;
  } finally {
    for (const { key } of keys) key.fill(0);
  }
}

const clientOf = ({ edge, token, tls }: Settings): Etsi014Client =>
  new Etsi014Client({
    baseUrl: edge,
    ...(token === null ? {} : { token }),
    ...(tls === null ? {} : { fetch: fetchWith(tls) }),
  });

/** ETSI GS QKD 014 V1.1.1 clause 6.3. */
const containerOf = (keys: readonly DeliveredKey[]) => ({
  keys: keys.map(({ keyId, key }) => ({ key_ID: keyId, key: toBase64(key) })),
});

const sizesOf = (keys: readonly DeliveredKey[]) => ({
  keys: keys.map(({ keyId, key }) => ({ key_ID: keyId, key_bytes: key.length })),
});

const hidden = (key: Uint8Array): string => `[${key.length} bytes]`;

/** @throws CliFailure in place of what a client throws */
async function orFailure<T>(edge: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof RefusedError) throw new CliFailure(refusedInWords(error));
    if (error instanceof UnreachableError) throw unreachable(edge, reasonOf(error));
    if (error instanceof QkdError || error instanceof TypeError) throw new CliFailure(error.message);
    throw error;
  }
}

/** Node's own, which has a code; or what the client says, as of an answer that does not come. */
function reasonOf(error: UnreachableError): Error {
  const inner = networkError(error.cause);
  return "code" in inner && typeof inner.code === "string" ? inner : error;
}

const refusedInWords = ({ message, details, httpStatus }: RefusedError): string =>
  [message, ...(details.length === 0 ? [] : [JSON.stringify(details)]), ...(WORDS[httpStatus] ?? [])].join(": ");

/** The standard has no 403: who may not, and who is not known, get the same answer. */
const WORDS: Readonly<Record<number, readonly string[]>> = {
  401: ["keys are for SAEs; --as names one of a tokens.json, --token-file, or --cert and --key, show who it is"],
};
