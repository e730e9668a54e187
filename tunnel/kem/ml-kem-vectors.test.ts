/** ML-KEM with given randomness: published vectors, and byte for byte the same as @noble/post-quantum. */
import { sha3_256, shake128 } from "@noble/hashes/sha3.js";
import { ml_kem1024, ml_kem512, ml_kem768 } from "@noble/post-quantum/ml-kem.js";
import { describe, expect, it } from "vitest";
import { fromHex, toHex } from "../../shared/bytes/hex.ts";
import { kemNamed } from "../../shared/kem/names.ts";
import { KEMS } from "../../shared/kem/registry.ts";
import { ok } from "../../shared/result.ts";
import { withRandom } from "../../test/support/kem-known-answers.ts";
import acvp from "../../test/vectors/ml-kem-acvp.json" with { type: "json" };
import { openKem } from "./open-kem.ts";

const NOBLE = { "ML-KEM-512": ml_kem512, "ML-KEM-768": ml_kem768, "ML-KEM-1024": ml_kem1024 } as const;
const NAMES = ["ML-KEM-512", "ML-KEM-768", "ML-KEM-1024"] as const;
type Name = (typeof NAMES)[number];

/**
 * The vectors that Go's crypto/mlkem accumulates (mlkem_test.go, `TestAccumulated`, 100 of them, for ML-KEM-768): d, z,
 * m and a ciphertext that nobody made come out of one SHAKE-128; ek, the ciphertext made, its secret and the rejected
 * one's go into another.
 */
const ACCUMULATED = "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415";

async function accumulate(name: Name, rounds: number): Promise<string> {
  const kem = await openKem(name);
  const [source, sum] = [shake128.create({}), shake128.create({})];
  for (let round = 0; round < rounds; round++) {
    const [seed, message, random] = [source.xof(64), source.xof(32), source.xof(KEMS[name].ciphertextBytes)];
    const pair = withRandom(
      () => seed,
      () => kem.generateKeyPair(),
    );
    expect(NOBLE[name].keygen(seed)).toEqual(pair);
    const made = withRandom(
      () => message,
      () => kem.encapsulate(pair.publicKey),
    );
    if (!made.ok) throw new Error(made.error);
    const { ciphertext, sharedSecret } = made.value;
    expect(NOBLE[name].encapsulate(pair.publicKey, message)).toEqual({ cipherText: ciphertext, sharedSecret });
    expect(kem.decapsulate(ciphertext, pair.secretKey)).toEqual(ok(sharedSecret));
    const rejected = kem.decapsulate(random, pair.secretKey);
    if (!rejected.ok) throw new Error(rejected.error);
    expect(NOBLE[name].decapsulate(random, pair.secretKey)).toEqual(rejected.value);
    for (const bytes of [pair.publicKey, ciphertext, sharedSecret, rejected.value]) sum.update(bytes);
  }
  kem.close();
  return toHex(sum.xof(32));
}

describe("ML-KEM with given randomness", () => {
  it("gives what Go's crypto/mlkem gives", async () => {
    expect(await accumulate("ML-KEM-768", 100)).toBe(ACCUMULATED);
  });

  it.each(NAMES)("%s gives what noble gives", async (name) => {
    await accumulate(name, 10);
  });

  it.each(acvp.keyGeneration)(
    "$name, the known answers' key generation $count",
    async ({ name, d, z, dkStart, ekHash }) => {
      const kem = await openKem(kemNamed(name)!);
      const seed = fromHex(d + z)!;
      const own = withRandom(
        () => seed,
        () => kem.generateKeyPair(),
      );
      for (const { publicKey, secretKey } of [own, NOBLE[name as Name].keygen(seed)]) {
        expect(sha3_256(publicKey)).toEqual(fromHex(ekHash));
        expect(secretKey.slice(0, 32)).toEqual(fromHex(dkStart));
        // FIPS 203, algorithm 16: what decrypts, ek, the hash of ek, z.
        expect(secretKey.slice(-64 - publicKey.length, -64)).toEqual(publicKey);
        expect(secretKey.slice(-64)).toEqual(fromHex(ekHash + z));
      }
      expect(NOBLE[name as Name].keygen(seed)).toEqual(own);
      kem.close();
    },
  );

  it.each(acvp.encapsulation)("$name, ACVP's encapsulation $tcId", async ({ name, ek, m, c, k }) => {
    const kem = await openKem(kemNamed(name)!);
    const [publicKey, message, ciphertext, sharedSecret] = [ek, m, c, k].map((hex) => fromHex(hex)!);
    const made = withRandom(
      () => message!,
      () => kem.encapsulate(publicKey!),
    );
    expect(made).toEqual(ok({ ciphertext, sharedSecret }));
    expect(NOBLE[name as Name].encapsulate(publicKey!, message)).toEqual({ cipherText: ciphertext, sharedSecret });
    kem.close();
  });

  const decapsulation = acvp.decapsulation.flatMap(({ name, dk, tests }) =>
    tests.map((test) => ({ name, dk, ...test })),
  );
  it.each(decapsulation)("$name, ACVP's decapsulation $tcId: $reason", async ({ name, dk, c, k }) => {
    const kem = await openKem(kemNamed(name)!);
    expect(kem.decapsulate(fromHex(c)!, fromHex(dk)!)).toEqual(ok(fromHex(k)!));
    expect(NOBLE[name as Name].decapsulate(fromHex(c)!, fromHex(dk)!)).toEqual(fromHex(k)!);
    kem.close();
  });
});
