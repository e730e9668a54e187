/** Secrets of one deployment, made once: the bootstrap token, the seed of its nodes' keys, and the demo's tokens. */
import { randomBytes } from "node:crypto";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { fromBase64 } from "../../shared/bytes/base64.ts";
import { IDENTITY_SEED_BYTES } from "../../shared/peers/identity.ts";
import { DEMO_TOKEN_NAMES, demoNetwork, type Tokens } from "../demo/network.ts";
import { StartFailure } from "./failure.ts";
import { parseTexts, readIfThere, textsFile, writeDurable } from "./files.ts";
import { checked, type WantedNetwork } from "./network.ts";
import type { StateFolder } from "./state-folder.ts";

const TOKEN_BYTES = 32;

export interface Secrets {
  readonly bootstrapToken: string;
  readonly bootstrapSha256: string;
  /** Base64 of 32 random bytes. */
  readonly identitySeed: string;
}

/** 256 random bits, URL-safe. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString("base64url");

export function loadSecrets(folder: StateFolder): Secrets {
  // An empty one admits nobody. An empty seed is a damaged one: that of the nodes' keys is made where there is none only.
  const bootstrapToken = textIn(folder.bootstrapToken) || made(folder.bootstrapToken, newToken());
  const identitySeed = textIn(folder.identitySeed) ?? made(folder.identitySeed, newIdentitySeed());
  if (fromBase64(identitySeed)?.length !== IDENTITY_SEED_BYTES) {
    // A new one would make others of the nodes: not without their operator's word.
    const hint = "restore it, or delete it and tell the other deployments the nodes' new keys";
    throw new StartFailure(`${folder.identitySeed} is not base64 of ${IDENTITY_SEED_BYTES} bytes: ${hint}`);
  }
  return { bootstrapToken, bootstrapSha256: tokenSha256(bootstrapToken), identitySeed };
}

const newIdentitySeed = (): string => randomBytes(IDENTITY_SEED_BYTES).toString("base64");

const textIn = (file: string): string | undefined => readIfThere(file)?.trim();

function made(file: string, text: string): string {
  writeDurable(file, `${text}\n`);
  return text;
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
