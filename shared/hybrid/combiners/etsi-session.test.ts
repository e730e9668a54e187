import { createHash, createHmac, hkdfSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SourceEntry, ToCombine } from "../types.ts";
import { combine } from "./combine.ts";
import { kemEntry, qkdEntry, testContext } from "./test-entries.ts";
import { Transcript } from "./transcript.ts";

/** The same with Node's crypto and nothing of ours, as the description says. */
const number = (value: number, bytes: 1 | 2 | 4 | 8): Buffer =>
  Buffer.from(value.toString(16).padStart(2 * bytes, "0"), "hex");
const behind = (field: Uint8Array | string, lengthBytes: 2 | 4): Buffer => {
  const bytes = Buffer.from(field);
  return Buffer.concat([number(bytes.length, lengthBytes), bytes]);
};
const sha384 = (bytes: Uint8Array): Buffer => createHash("sha384").update(bytes).digest();
const hmac = (key: Uint8Array, bytes: Uint8Array): Buffer => createHmac("sha384", key).update(bytes).digest();
const hkdf = (ikm: Uint8Array, salt: Uint8Array, info: Uint8Array, lengthBytes: number): Buffer => {
  return Buffer.from(hkdfSync("sha384", ikm, salt, info, lengthBytes));
};
const formatted = (...parts: readonly Uint8Array[]): Buffer =>
  sha384(Buffer.concat(parts.map((part) => behind(part, 4))));

const CODES = { kem: 1, ecdh: 2, qkd: 3, psk: 4 } as const;
const head = ({ kind, slot, algorithm }: SourceEntry): Buffer =>
  Buffer.concat([number(CODES[kind], 1), number(slot, 1), behind(algorithm, 2)]);
const messageA = (entry: SourceEntry): Buffer =>
  Buffer.concat([head(entry), behind(entry.keyId, 4), behind(entry.publicKey, 4)]);
const messageB = (entry: SourceEntry): Buffer => Buffer.concat([head(entry), behind(entry.ciphertext, 4)]);

const context = testContext();
const session = Buffer.concat(
  [context.ksid, context.initiator, context.responder, context.initiatorNonce, context.responderNonce].map((field) =>
    behind(field, 2),
  ),
);
/** In the transcript's order. */
const entries = [kemEntry("ML-KEM-768"), kemEntry("HQC-128", 1), qkdEntry()];
const toCombine: ToCombine = { mode: "chunk", context, entries };
const transcript = Transcript.begin("chunk", context, entries.length);
for (const entry of entries) transcript.add(entry);
const transcriptHash = transcript.finish();

const label = (name: string, purpose: string, index: number, lengthBytes: number): Buffer =>
  Buffer.concat([
    behind(`${name}/label`, 2),
    behind(purpose, 2),
    behind(transcriptHash, 2),
    number(entries.length, 1),
    ...entries.map(({ secret }) => number(secret.length, 2)),
    number(index, 8),
    number(lengthBytes, 4),
  ]);

function catKdf(purpose: string, index: number, lengthBytes: number): Buffer {
  const name = "qkdedge-cat-kdf";
  const kems = entries.filter(({ kind }) => kind === "kem");
  const [a, b] = [Buffer.concat(kems.map(messageA)), Buffer.concat(kems.map(messageB))];
  const info = formatted(Buffer.concat([behind(`${name}/context`, 2), session]), a, b);
  const secret = Buffer.concat(entries.map((entry) => entry.secret));
  return hkdf(secret, label(name, purpose, index, lengthBytes), info, lengthBytes);
}

function casKdf(purpose: string, index: number, lengthBytes: number): Buffer {
  const name = "qkdedge-cas-kdf";
  const info = Buffer.concat([behind(`${name}/context`, 2), session]);
  let chain = Buffer.alloc(0);
  let material = Buffer.alloc(0);
  entries.forEach((entry, at) => {
    const isLast = at === entries.length - 1;
    const round = hmac(chain, formatted(entry.secret, messageA(entry), messageB(entry)));
    const salt = isLast ? label(name, purpose, index, lengthBytes) : behind(`${name}/chain`, 2);
    const derived = hkdf(round, salt, info, 48 + (isLast ? lengthBytes : 0));
    chain = Buffer.from(derived.subarray(0, 48));
    material = Buffer.from(derived.subarray(48));
  });
  return material;
}

const tagOf = (name: string, key: Uint8Array, role: "I" | "R"): Uint8Array =>
  new Uint8Array(
    hmac(key, Buffer.concat([behind(`${name}/confirm`, 2), Buffer.from(role), behind(transcriptHash, 2)])),
  );

describe.each([
  ["cat-kdf", catKdf],
  ["cas-kdf", casKdf],
] as const)("%s of a session", (method, byDescription) => {
  const combined = combine(method, toCombine);
  if (!combined.ok) throw new Error(combined.error);
  const made = combined.value;

  test("gives chunks as described", () => {
    for (const [index, lengthBytes] of [
      [0, 1],
      [7, 32],
      [2 ** 33, 100],
    ] as const) {
      expect(made.chunk(index, lengthBytes)).toEqual(new Uint8Array(byDescription("chunk", index, lengthBytes)));
    }
  });

  test("confirms with keys of their own", () => {
    expect(made.tags(7)).toEqual({
      initiator: tagOf(`qkdedge-${method}`, byDescription("confirm-i", 7, 48), "I"),
      responder: tagOf(`qkdedge-${method}`, byDescription("confirm-r", 7, 48), "R"),
    });
  });
});
