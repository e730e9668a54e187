/** ML-KEM by three hands: liboqs, @noble/post-quantum and Node's OpenSSL. Kyber is another mechanism of the same lengths. */
import { decapsulate, encapsulate, generateKeyPairSync } from "node:crypto";
import { ml_kem1024, ml_kem512, ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { describe, expect, it } from "vitest";
import { KEMS } from "../../shared/kem/registry.ts";
import { err, ok } from "../../shared/result.ts";
import { openKem } from "./open-kem.ts";

const CASES = [
  ["ML-KEM-512", ml_kem512, "Kyber512"],
  ["ML-KEM-768", ml_kem768, "Kyber768"],
  ["ML-KEM-1024", ml_kem1024, "Kyber1024"],
] as const;

/** OpenSSL's, with the raw keys, which come last in the encodings of RFC 5280 and RFC 5958. */
function opensslKeys(name: (typeof CASES)[number][0]) {
  const keys = generateKeyPairSync(name.toLowerCase() as "ml-kem-768");
  const publicKey = keys.publicKey.export({ format: "der", type: "spki" }).subarray(-KEMS[name].publicKeyBytes);
  const secretKey = keys.privateKey.export({ format: "der", type: "pkcs8" }).subarray(-KEMS[name].secretKeyBytes);
  return { ...keys, raw: { publicKey: new Uint8Array(publicKey), secretKey: new Uint8Array(secretKey) } };
}

const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.with(at, bytes[at]! ^ 0x10);

describe.each(CASES)("%s", (name, noble, kyberName) => {
  it("is the same by liboqs, noble and OpenSSL, tampered ciphertexts included", async () => {
    const [kem, keys] = [await openKem(name), opensslKeys(name)];
    const { publicKey, secretKey } = keys.raw;
    const byLiboqs = kem.encapsulate(publicKey);
    if (!byLiboqs.ok) throw new Error(byLiboqs.error);
    const byOpenssl = encapsulate(keys.publicKey);
    const byNoble = noble.encapsulate(publicKey);
    for (const { ciphertext, sharedSecret } of [
      byLiboqs.value,
      { ciphertext: new Uint8Array(byOpenssl.ciphertext), sharedSecret: new Uint8Array(byOpenssl.sharedKey) },
      { ciphertext: byNoble.cipherText, sharedSecret: byNoble.sharedSecret },
    ]) {
      expect(kem.decapsulate(ciphertext, secretKey)).toEqual(ok(sharedSecret));
      expect(noble.decapsulate(ciphertext, secretKey)).toEqual(sharedSecret);
      expect(new Uint8Array(decapsulate(keys.privateKey, ciphertext))).toEqual(sharedSecret);
      const tampered = flipped(ciphertext, 7);
      const other = noble.decapsulate(tampered, secretKey);
      expect(other).not.toEqual(sharedSecret);
      expect(kem.decapsulate(tampered, secretKey)).toEqual(ok(other));
      expect(new Uint8Array(decapsulate(keys.privateKey, tampered))).toEqual(other);
    }
    kem.close();
  });

  it("takes noble's keys, and noble its", async () => {
    const kem = await openKem(name);
    const own = kem.generateKeyPair();
    const { cipherText, sharedSecret } = noble.encapsulate(own.publicKey);
    expect(kem.decapsulate(cipherText, own.secretKey)).toEqual(ok(sharedSecret));
    const its = noble.keygen();
    const made = kem.encapsulate(its.publicKey);
    expect(made.ok && noble.decapsulate(made.value.ciphertext, its.secretKey)).toEqual(
      made.ok && made.value.sharedSecret,
    );
    kem.close();
  });

  it("refuses keys that FIPS 203 refuses: coefficients beyond the modulus, a wrong hash", async () => {
    const kem = await openKem(name);
    const { publicKey, secretKey } = kem.generateKeyPair();
    const beyond = Uint8Array.from(publicKey, (byte, at) => (at < 3 ? 0xff : byte));
    expect(kem.encapsulate(beyond)).toEqual(err("bad-public-key"));
    const made = kem.encapsulate(publicKey);
    if (!made.ok) throw new Error(made.error);
    // H(ek) comes before the last 32 bytes.
    const unhashed = flipped(secretKey, secretKey.length - 64);
    expect(kem.decapsulate(made.value.ciphertext, unhashed)).toEqual(err("bad-secret-key"));
    kem.close();
  });

  it(`is not ${kyberName}`, async () => {
    const [kem, kyber] = [await openKem(name), await openKem(kyberName)];
    const { publicKey, secretKey } = kyber.generateKeyPair();
    const made = kem.encapsulate(publicKey);
    if (!made.ok) throw new Error(made.error);
    const found = kyber.decapsulate(made.value.ciphertext, secretKey);
    expect(found.ok).toBe(true);
    expect(found).not.toEqual(ok(made.value.sharedSecret));
    kem.close();
    kyber.close();
  });
});
