import { sha256 } from "@noble/hashes/sha2.js";
import { afterEach, describe, expect, test, vi } from "vitest";
import {
  BIKE_LEVELS,
  type BikeLevel,
  bytesOf,
  padded,
  runVector,
  tamper,
} from "../../../test/support/kem-bike-vectors.ts";
import { knownAnswer } from "../../../test/support/kem-known-answers.ts";
import { toHex } from "../../bytes/hex.ts";
import { err, ok } from "../../result.ts";
import { KEMS } from "../registry.ts";
import { bike } from "./bike.ts";
import { add, fromBytes, toBytes, weight } from "./bits.ts";
import { Decoder, type Pass, PASSES } from "./decoder.ts";
import { readSecretKey, type SecretKey } from "./encoding.ts";
import { errorsOf, maskOf, secretOf } from "./hashes.ts";
import { BIKE } from "./parameters.ts";
import { type Pair, Ring } from "./ring.ts";
import { samplePlaces } from "./sampling.ts";

const digest = (bytes: Uint8Array) => toHex(sha256(bytes));
const never = () => {
  throw new Error("nothing is to be drawn");
};
const system = (bytes: number) => crypto.getRandomValues(new Uint8Array(bytes));
/** Without the passes' names. */
const plain = (trace: BikeLevel["vectors"][0]["decoder_trace"]) => trace.map(([, ...row]) => row);
const wrong = (bytes: Uint8Array) => [new Uint8Array(), bytes.subarray(1), new Uint8Array(bytes.length + 1)];
const inside = (bytes: Uint8Array) => {
  const whole = new Uint8Array(bytes.length + 3);
  whole.set(bytes, 1);
  return whole.subarray(1, -2);
};
const weights = ({ errors, syndrome }: Decoder) => [weight(errors[0]) + weight(errors[1]), weight(syndrome)];
const xor = (a: Uint8Array, b: Uint8Array) => a.map((byte, i) => byte ^ b[i]!);

describe.each(BIKE_LEVELS)("$name", (level: BikeLevel) => {
  const { name } = level;
  const parameters = BIKE[name];
  const ring = new Ring(parameters.blockBits);
  const decoder = new Decoder(parameters, ring);
  const kem = bike(name, never);
  const runs = level.vectors.map((vector) => runVector(name, vector));
  const blockBytes = KEMS[name].publicKeyBytes;
  const open = (secretKey: Uint8Array): SecretKey => readSecretKey(secretKey, parameters, ring)!;
  const elementOf = (bytes: Uint8Array) => {
    const element = ring.element();
    fromBytes(element, bytes.subarray(0, blockBytes));
    return element;
  };

  /** Decapsulates, and looks at the decoder before each of its passes and after the last one. */
  function watched(ciphertext: Uint8Array, secretKey: Uint8Array) {
    const rows: (number | null)[][] = [];
    const passes: Pass[] = [];
    const { value: run } = Object.getOwnPropertyDescriptors(Decoder.prototype).run;
    const spy = vi.spyOn(Decoder.prototype, "run").mockImplementation(function (this: Decoder, pass, threshold, key) {
      rows.push([threshold, ...weights(this)]);
      run?.call(this, pass, threshold, key);
      if (passes.push(pass) < PASSES.length) return;
      this.renewSyndrome(key);
      rows.push([null, ...weights(this)]);
    });
    try {
      const result = kem.decapsulate(ciphertext, secretKey);
      expect(passes).toEqual(PASSES);
      return { result, rows };
    } finally {
      spy.mockRestore();
    }
  }

  test.each(level.vectors.map((vector, i) => [i, vector] as const))("vector %i", (i, vector) => {
    const { publicKey, secretKey, ciphertext, sharedSecret } = runs[i]!;
    expect(digest(publicKey)).toBe(vector.pk_sha256);
    expect(digest(secretKey)).toBe(vector.sk_sha256);
    expect(digest(ciphertext)).toBe(vector.ct_sha256);
    expect(toHex(sharedSecret)).toBe(vector.ss);
    const { result, rows } = watched(ciphertext, secretKey);
    expect(result).toEqual(ok(bytesOf(vector.ss)));
    expect(rows).toEqual(plain(vector.decoder_trace));
  });

  test("error vectors and what is hashed of them", () => {
    for (const vector of level.vectors) {
      const message = bytesOf(vector.encaps_random).subarray(0, 32);
      const [places] = samplePlaces(message, 1, parameters.errorWeight, 2 * parameters.blockBits);
      expect([...places!.subarray(0, 8)]).toEqual(vector.e_indices_in_sampling_array_order_first8);
      expect(digest(new Uint8Array(places!.buffer))).toBe(vector.e_indices_sha256_le32);
      const errors: Pair = [ring.element(), ring.element()];
      errorsOf(errors, message, parameters);
      expect(toHex(maskOf(errors, parameters))).toBe(vector.L_of_e);
    }
  });

  test.each(level.reject)("rejects: $case", (row) => {
    const { secretKey } = runs[row.sk_of_vector]!;
    const ciphertext = tamper(name, row.case, runs[row.ct_from_vector]!.ciphertext);
    expect(digest(ciphertext)).toBe(row.ct_sha256);
    const { result, rows } = watched(ciphertext, secretKey);
    expect(result).toEqual(ok(bytesOf(row.ss)));
    expect(toHex(secretOf(open(secretKey).sigma, ciphertext))).toBe(row.ss);
    expect(rows).toEqual(plain(row.decoder_trace));
  });

  test("a ciphertext's other spelling decodes, as in liboqs, and is rejected nevertheless", () => {
    const [row] = level.noncanonical_accept;
    const { secretKey } = runs[row.sk_of_vector]!;
    const ciphertext = tamper(name, row.case, runs[row.ct_from_vector]!.ciphertext);
    expect(digest(ciphertext)).toBe(row.ct_sha256);
    const key = open(secretKey);
    const found = maskOf(decoder.decode(elementOf(ciphertext), key), parameters);
    expect(toHex(secretOf(xor(ciphertext.subarray(blockBytes), found), ciphertext))).toBe(row.ss);
    expect(kem.decapsulate(ciphertext, secretKey)).toEqual(ok(secretOf(key.sigma, ciphertext)));
  });

  test("a public key with its padding set is refused; the ring takes it as liboqs does", () => {
    const [row] = level.noncanonical_pk_encaps;
    const publicKey = padded(name, runs[6]!.publicKey);
    expect(digest(publicKey)).toBe(row.pk_sha256);
    expect(kem.encapsulate(publicKey)).toEqual(err("bad-public-key"));

    const message = bytesOf(row.encaps_random).subarray(0, 32);
    const errors: Pair = [ring.element(), ring.element()];
    errorsOf(errors, message, parameters);
    const c0 = ring.element();
    ring.multiply(c0, elementOf(publicKey), errors[1]);
    add(c0, errors[0]);
    const ciphertext = new Uint8Array(KEMS[name].ciphertextBytes);
    toBytes(ciphertext.subarray(0, blockBytes), c0);
    ciphertext.set(xor(message, maskOf(errors, parameters)), blockBytes);
    expect(digest(ciphertext)).toBe(row.ct_sha256);
    expect(toHex(secretOf(message, ciphertext))).toBe(row.ss);
  });

  test("the known-answer text of liboqs", () => {
    expect(knownAnswer(bike(name, system)).sha256).toBe(level.kat_sha256.single);
  });

  test("lengths that are wrong, places out of range and padding are faults", () => {
    const { publicKey, secretKey, ciphertext } = runs[0]!;
    for (const key of wrong(publicKey)) expect(kem.encapsulate(key)).toEqual(err("bad-public-key"));
    for (const text of wrong(ciphertext)) expect(kem.decapsulate(text, secretKey)).toEqual(err("bad-ciphertext"));
    const places = 8 * parameters.halfWeight;
    const spoilt = [places - 1, places + blockBytes - 1, places + 2 * blockBytes - 1, places + 3 * blockBytes - 1];
    for (const key of [...wrong(secretKey), ...spoilt.map((i) => secretKey.with(i, 0xff))]) {
      expect(kem.decapsulate(ciphertext, key)).toEqual(err("bad-secret-key"));
    }
    const atBound = secretKey.slice();
    new DataView(atBound.buffer).setUint32(0, parameters.blockBits, true);
    expect(kem.decapsulate(ciphertext, atBound)).toEqual(err("bad-secret-key"));
  });

  test("keys and ciphertexts may be views into something longer, and stay as they are", () => {
    const { publicKey, secretKey, ciphertext, sharedSecret } = runs[1]!;
    const [pk, sk, ct] = [inside(publicKey), inside(secretKey), inside(ciphertext)];
    expect(kem.decapsulate(ct, sk)).toEqual(ok(sharedSecret));
    expect(bike(name, system).encapsulate(pk).ok).toBe(true);
    expect([pk, sk, ct]).toEqual([publicKey, secretKey, ciphertext]);
  });

  test("what was drawn is wiped, and the next operation knows nothing of the one before", () => {
    const drawn: Uint8Array[] = [];
    const fresh = bike(name, (bytes) => {
      drawn.push(system(bytes));
      return drawn.at(-1)!;
    });
    const pair = fresh.generateKeyPair();
    const made = [fresh.encapsulate(pair.publicKey), fresh.encapsulate(pair.publicKey)];
    expect(drawn.map((bytes) => [bytes.length, bytes.every((byte) => byte === 0)])).toEqual(
      Array.from({ length: 3 }, () => [64, true]),
    );
    for (const each of made) {
      if (!each.ok) throw new Error(each.error);
      expect(fresh.decapsulate(each.value.ciphertext, pair.secretKey)).toEqual(ok(each.value.sharedSecret));
    }
    expect(made[0]).not.toEqual(made[1]);
  });

  test("a random source that gives too little is a defect", () => {
    expect(() => bike(name, () => new Uint8Array(32)).generateKeyPair()).toThrow(RangeError);
  });
});

describe("scratch", () => {
  afterEach(() => vi.unstubAllGlobals());

  test("all words an operation computed with are wiped", () => {
    const made: Int32Array[] = [];
    class Recorded extends Int32Array {
      constructor(length: number) {
        super(length);
        made.push(this);
      }
    }
    vi.stubGlobal("Int32Array", Recorded);
    const kem = bike("BIKE-L1", system);
    const left = () => made.filter((words) => words.some((word) => word !== 0)).length;

    const pair = kem.generateKeyPair();
    expect([made.length > 20, left()]).toEqual([true, 0]);
    const result = kem.encapsulate(pair.publicKey);
    expect(left()).toBe(0);
    if (!result.ok) throw new Error(result.error);
    expect(kem.decapsulate(result.value.ciphertext, pair.secretKey)).toEqual(ok(result.value.sharedSecret));
    expect(left()).toBe(0);
  });
});
