/**
 * KEMs for a program without any: liboqs' own JavaScript, not this project's adapters. One JSON object a line on stdin, one
 * on stdout: `{"do": "generate" | "encapsulate" | "decapsulate", "kem": "ML-KEM-768", ...}`, bytes in base64.
 */
import { createInterface } from "node:readline";
import {
  createClassicMcEliece348864f,
  createHQC128,
  createKyber512,
  createMLKEM512,
  createMLKEM768,
  createMLKEM1024,
  createSntrup761,
} from "@oqs/liboqs-js";

const MAKERS = {
  "Classic-McEliece-348864f": createClassicMcEliece348864f,
  "ML-KEM-512": createMLKEM512,
  "ML-KEM-768": createMLKEM768,
  "ML-KEM-1024": createMLKEM1024,
  Kyber512: createKyber512,
  "HQC-128": createHQC128,
  sntrup761: createSntrup761,
};

interface Asked {
  readonly do: "generate" | "encapsulate" | "decapsulate";
  readonly kem: keyof typeof MAKERS;
  readonly publicKey?: string;
  readonly secretKey?: string;
  readonly ciphertext?: string;
}

const bytes = (text = ""): Uint8Array => new Uint8Array(Buffer.from(text, "base64"));

async function answer({ do: what, kem: name, publicKey, secretKey, ciphertext }: Asked): Promise<object> {
  const kem = await MAKERS[name]();
  try {
    if (what === "generate") return kem.generateKeyPair();
    if (what === "encapsulate") return kem.encapsulate(bytes(publicKey));
    return { sharedSecret: kem.decapsulate(bytes(ciphertext), bytes(secretKey)) };
  } finally {
    kem.destroy();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const answered = await answer(JSON.parse(line) as Asked).catch((error: unknown) => ({ error: String(error) }));
  const text = JSON.stringify(answered, (_, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value,
  );
  process.stdout.write(`${text}\n`);
}
