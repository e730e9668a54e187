/** NIST's own vectors (ACVP, FIPS 203). Key generation from a given seed is only to be had of noble. */
import { sha3_256 } from "@noble/hashes/sha3.js";
import { ml_kem1024, ml_kem512, ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../shared/bytes/hex.ts";
import { kemNamed } from "../../shared/kem/names.ts";
import { ok } from "../../shared/result.ts";
import acvp from "../../test/vectors/ml-kem-acvp.json" with { type: "json" };
import { openKem } from "./open-kem.ts";

const NOBLE = { "ML-KEM-512": ml_kem512, "ML-KEM-768": ml_kem768, "ML-KEM-1024": ml_kem1024 } as const;
const nobleOf = (name: string) => NOBLE[name as keyof typeof NOBLE];

const bytesOf = (hex: string): Uint8Array => fromHex(hex)!;
const hexOf = (bytes: Uint8Array): string => toHex(bytes).toUpperCase();

describe("ACVP", () => {
  it.each(acvp.keyGen)("$name key generation $tcId", async ({ name, d, z, ekBegins, dkBegins, hashOfEk }) => {
    const { publicKey, secretKey } = nobleOf(name).keygen(bytesOf(d + z));
    expect(hexOf(publicKey.subarray(0, 32))).toBe(ekBegins);
    expect(hexOf(sha3_256(publicKey))).toBe(hashOfEk);
    expect(hexOf(secretKey.subarray(0, 32))).toBe(dkBegins);
    expect(hexOf(secretKey.subarray(-64))).toBe(hashOfEk + z);

    const kem = await openKem(kemNamed(name)!);
    const made = kem.encapsulate(publicKey);
    if (!made.ok) throw new Error(made.error);
    expect(kem.decapsulate(made.value.ciphertext, secretKey)).toEqual(ok(made.value.sharedSecret));
    kem.close();
  });

  const decapsulation = acvp.decapsulation.flatMap(({ name, dk, tests }) =>
    tests.map((test) => ({ name, dk, ...test })),
  );
  it.each(decapsulation)("$name decapsulation $tcId: $reason", async ({ name, dk, c, k }) => {
    const kem = await openKem(kemNamed(name)!);
    expect(kem.decapsulate(bytesOf(c), bytesOf(dk))).toEqual(ok(bytesOf(k)));
    expect(hexOf(nobleOf(name).decapsulate(bytesOf(c), bytesOf(dk)))).toBe(k);
    kem.close();
  });
});
