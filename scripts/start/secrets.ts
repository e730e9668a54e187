/** Secrets of one deployment, made once: the epoch key that protects keys at rest, the bootstrap token, tokens. */
import { randomBytes } from "node:crypto";
import { readdirSync } from "node:fs";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { DEMO_TOKEN_NAMES, demoNetwork, type Tokens } from "../demo/network.ts";
import { StartFailure } from "./failure.ts";
import { isThere, parseTexts, readIfThere, textsFile, writeAtomic } from "./files.ts";
import { checked, type WantedNetwork } from "./network.ts";
import type { StateFolder } from "./state-folder.ts";

const EPOCH_KEY = "QKD_EPOCH_KEY_1";
const SECRET_BYTES = 32;
const EPOCH_KEY_NAME = /^QKD_EPOCH_KEY_[1-9]\d{0,8}$/;

export interface Secrets {
  /** Name -> base64 of 32 bytes: QKD_EPOCH_KEY_1 and those added by hand. */
  readonly epochKeys: Readonly<Record<string, string>>;
  readonly bootstrapToken: string;
  readonly bootstrapSha256: string;
}

/** 256 random bits, URL-safe. */
export const newToken = (): string => randomBytes(SECRET_BYTES).toString("base64url");

export function loadSecrets(folder: StateFolder): Secrets {
  if (!isThere(folder.secrets) && readdirSync(folder.storage).length > 0) {
    throw new StartFailure(
      `${folder.secrets} is missing, and keys in ${folder.storage} cannot be opened without it: put it back, or start with another --state folder`,
    );
  }
  const epochKeys = textsFile(folder.secrets, [EPOCH_KEY], () => randomBytes(SECRET_BYTES).toString("base64"));
  for (const [name, key] of Object.entries(epochKeys)) {
    if (!EPOCH_KEY_NAME.test(name) || Buffer.from(key, "base64").length !== SECRET_BYTES) {
      throw new StartFailure(
        `${folder.secrets} is broken (${name} is no epoch key of ${SECRET_BYTES} bytes): put back a good copy, or start with another --state folder`,
      );
    }
  }
  let bootstrapToken = readIfThere(folder.bootstrapToken)?.trim();
  if (bootstrapToken === undefined || bootstrapToken === "") {
    bootstrapToken = newToken();
    writeAtomic(folder.bootstrapToken, `${bootstrapToken}\n`);
  }
  return { epochKeys, bootstrapToken, bootstrapSha256: tokenSha256(bootstrapToken) };
}

/** `tokens.json` of the demo, made where it is missing. */
export const loadDemoTokens = (file: string): Tokens => textsFile(file, DEMO_TOKEN_NAMES, newToken);

/** `tokens.json` if it is there. */
export function readTokens(file: string): Tokens {
  const text = readIfThere(file);
  return text === null ? {} : parseTexts(file, text);
}

/** The demo network as a document to be applied. */
export function demoWanted(tokens: Tokens): WantedNetwork {
  const document = checked(demoNetwork(tokens), (reason) => new Error(`the demo network is broken: ${reason}`));
  return { document, source: "the demo network", sha256: null };
}
