/** Tokens of one deployment, made once: the bootstrap token, and those of the demo. */
import { randomBytes } from "node:crypto";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { DEMO_TOKEN_NAMES, demoNetwork, type Tokens } from "../demo/network.ts";
import { parseTexts, readIfThere, textsFile, writeAtomic } from "./files.ts";
import { checked, type WantedNetwork } from "./network.ts";
import type { StateFolder } from "./state-folder.ts";

const TOKEN_BYTES = 32;

export interface Secrets {
  readonly bootstrapToken: string;
  readonly bootstrapSha256: string;
}

/** 256 random bits, URL-safe. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString("base64url");

export function loadSecrets(folder: StateFolder): Secrets {
  let bootstrapToken = readIfThere(folder.bootstrapToken)?.trim();
  if (bootstrapToken === undefined || bootstrapToken === "") {
    bootstrapToken = newToken();
    writeAtomic(folder.bootstrapToken, `${bootstrapToken}\n`);
  }
  return { bootstrapToken, bootstrapSha256: tokenSha256(bootstrapToken) };
}

/** `tokens.json` of the demo, made where it is missing. */
export const loadDemoTokens = (file: string): Tokens => textsFile(file, DEMO_TOKEN_NAMES, newToken);

/** `tokens.json` if it is there. */
export function readTokens(file: string): Tokens {
  const text = readIfThere(file);
  return text === null ? {} : parseTexts(file, text);
}

/** The demo network as a document to be applied. `fed`: with links that site agents feed. */
export function demoWanted(tokens: Tokens, fed = false): WantedNetwork {
  const document = checked(
    demoNetwork(tokens, { fed }),
    (reason) => new Error(`the demo network is broken: ${reason}`),
  );
  return { document, source: "the demo network", sha256: null };
}
