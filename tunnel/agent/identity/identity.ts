/**
 * Who this installation of the agent is: a UUID and two key pairs, made once and kept in its state folder. The token it
 * enrols them with is of no use afterwards.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from "node:crypto";
import { chmod, mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ml_dsa65 } from "@noble/post-quantum/ml-dsa.js";
import * as v from "valibot";
import { fromBase64, toBase64 } from "../../../shared/bytes/base64.ts";
import { helloBytes } from "../../../shared/tunnel/hello.ts";
import type { Claims, Hello, PublicKeys } from "../../../shared/tunnel/messages.ts";
import { codeOf, messageOf } from "../../log.ts";
import { writeDurably } from "../../spool/durable-files.ts";
import { AgentFailure } from "../failure.ts";

export interface Identity {
  readonly instance: string;
  readonly keys: PublicKeys;
  hello(nonce: string, address: string, claims: Claims): Hello;
}

const FILE = "identity.json";
const OTHERS = 0o077;

const StoredSchema = v.strictObject({
  instance: v.pipe(v.string(), v.uuid()),
  /** PKCS #8 (RFC 8410), base64. */
  ed25519: v.string(),
  /** Seed of the key pair (FIPS 204, xi), base64. */
  mlDsa65: v.string(),
});
type Stored = v.InferOutput<typeof StoredSchema>;

/** @throws AgentFailure where the folder or what is in it cannot be used */
export async function openIdentity(folder: string): Promise<Identity> {
  await closedFolder(folder);
  const file = path.join(folder, FILE);
  const text = await readFile(file, "utf8").catch((thrown: unknown) => {
    if (codeOf(thrown) === "ENOENT") return null;
    throw new AgentFailure(`${file}: ${messageOf(thrown)}`);
  });
  if (text === null) return await makeIdentity(file);
  if (((await stat(file)).mode & OTHERS) !== 0) {
    throw new AgentFailure(`${file}: others than its owner may read it: chmod 600, and enrol anew if they did`);
  }
  try {
    return identityOf(v.parse(StoredSchema, JSON.parse(text)));
  } catch {
    throw new AgentFailure(`${file} is damaged: restore it, or delete it and enrol with a new token`);
  }
}

async function closedFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    if (((await stat(folder)).mode & OTHERS) !== 0) await chmod(folder, 0o700);
  } catch (thrown) {
    throw new AgentFailure(`cannot use ${folder} as state folder: ${messageOf(thrown)}`);
  }
}

async function makeIdentity(file: string): Promise<Identity> {
  const stored: Stored = {
    instance: randomUUID(),
    ed25519: generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "der" }).toString("base64"),
    mlDsa65: randomBytes(ml_dsa65.lengths.seed ?? 32).toString("base64"),
  };
  await writeDurably(file, JSON.stringify(stored)).catch((thrown: unknown) => {
    throw new AgentFailure(`cannot write ${file}: ${messageOf(thrown)}`);
  });
  return identityOf(stored);
}

function identityOf({ instance, ed25519, mlDsa65 }: Stored): Identity {
  const seed = fromBase64(mlDsa65);
  if (seed === null) throw new Error("no base64");
  const lattice = ml_dsa65.keygen(seed);
  const curve = createPrivateKey({ key: Buffer.from(ed25519, "base64"), type: "pkcs8", format: "der" });
  return {
    instance,
    keys: { ed25519: rawPublic(curve), mlDsa65: toBase64(lattice.publicKey) },
    hello(nonce, address, claims) {
      const bytes = helloBytes(nonce, address, claims);
      return {
        nonce,
        claims,
        signatures: {
          ed25519: sign(null, bytes, curve).toString("base64"),
          mlDsa65: toBase64(ml_dsa65.sign(bytes, lattice.secretKey)),
        },
      };
    },
  };
}

/** The 32 bytes of RFC 8032, base64. */
const rawPublic = (key: KeyObject): string =>
  Buffer.from(createPublicKey(key).export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
