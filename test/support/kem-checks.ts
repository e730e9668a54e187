/** What holds for any mechanism, wherever it runs. */
import { expect } from "vitest";
import type { Kem } from "../../shared/kem/kem.ts";
import { KEMS } from "../../shared/kem/registry.ts";
import { err, ok } from "../../shared/result.ts";
import known from "../vectors/kem-kats.json" with { type: "json" };
import { type KnownAnswer, knownAnswer } from "./kem-known-answers.ts";

export const KNOWN_ANSWERS: Readonly<Partial<Record<string, { readonly count: number; readonly sha256: string }>>> =
  known.answers;

const longer = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.of(...bytes.subarray(0, 16), ...new Uint8Array(bytes.length - 15));

/** One key pair for all: of some mechanisms it takes seconds. */
export function checkKem(kem: Kem): KnownAnswer {
  const expected = KNOWN_ANSWERS[kem.name]!;
  const answer = knownAnswer(kem, expected.count);
  const { sha256, pair, ciphertext, sharedSecret } = answer;
  expect(sha256).toBe(expected.sha256);

  const row = KEMS[kem.name];
  expect([pair.publicKey, pair.secretKey, ciphertext, sharedSecret].map(({ length }) => length)).toEqual([
    row.publicKeyBytes,
    row.secretKeyBytes,
    row.ciphertextBytes,
    row.sharedSecretBytes,
  ]);
  expect(kem.decapsulate(ciphertext, pair.secretKey)).toEqual(ok(sharedSecret));

  const again = kem.encapsulate(pair.publicKey);
  if (!again.ok) throw new Error(again.error);
  expect(again.value.sharedSecret).not.toEqual(sharedSecret);
  expect(kem.decapsulate(again.value.ciphertext, pair.secretKey)).toEqual(ok(again.value.sharedSecret));

  for (const at of [0, ciphertext.length - 2]) {
    const tampered = ciphertext.with(at, ciphertext[at]! ^ 1);
    const found = kem.decapsulate(tampered, pair.secretKey);
    if (row.rejects === "with-fault") expect(found).toEqual(err("bad-ciphertext"));
    else expect(found.ok && found.value.length === row.sharedSecretBytes).toBe(true);
    expect(found).not.toEqual(ok(sharedSecret));
    // Not another one each time: nobody learns from asking twice.
    if (at === 0) expect(kem.decapsulate(tampered, pair.secretKey)).toEqual(found);
  }

  for (const wrong of [new Uint8Array(0), ciphertext.subarray(1), longer(ciphertext)])
    expect(kem.decapsulate(wrong, pair.secretKey)).toEqual(err("bad-ciphertext"));
  for (const wrong of [new Uint8Array(0), pair.secretKey.subarray(1), longer(pair.secretKey)])
    expect(kem.decapsulate(ciphertext, wrong)).toEqual(err("bad-secret-key"));
  for (const wrong of [new Uint8Array(0), pair.publicKey.subarray(1), new Uint8Array(pair.publicKey.length + 1)])
    expect(kem.encapsulate(wrong)).toEqual(err("bad-public-key"));
  return answer;
}
