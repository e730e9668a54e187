import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import type { LegacyMethod } from "../methods.ts";
import { combineLegacy, legacyCoversBytes } from "./legacy.ts";

const hex = (text: string): Uint8Array => {
  const bytes = fromHex(text.replaceAll(" ", ""));
  if (bytes === null) throw new Error(`not hex: ${text}`);
  return bytes;
};
const METHODS: readonly LegacyMethod[] = ["xoring", "hmac", "xorhmac"];

interface Vector {
  readonly id: string;
  readonly chunk_size: number;
  readonly keys_in_arrival_order: readonly string[];
  readonly out: Readonly<Record<LegacyMethod, { readonly len: number; readonly hex: string }>>;
}
const file = join(import.meta.dirname, "../../../test/vectors/combiners.json");
const { qubip } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly qubip: { readonly vectors: readonly Vector[]; readonly edge: readonly Vector[] };
};

describe("vectors of the hybridization module's own functions", () => {
  test("there are 16, and 6 of edge cases", () => {
    expect([qubip.vectors.length, qubip.edge.length]).toEqual([16, 6]);
  });

  test.each([...qubip.vectors, ...qubip.edge])(
    "$id",
    ({ keys_in_arrival_order: keys, chunk_size: lengthBytes, out }) => {
      for (const method of METHODS) {
        const chunk = combineLegacy(method, keys.map(hex), lengthBytes);
        expect([method, chunk.length, toHex(chunk)]).toEqual([method, out[method].len, out[method].hex]);
      }
    },
  );
});

const sha256 = (...parts: Uint8Array[]) => createHash("sha256").update(Buffer.concat(parts)).digest();

/** HMAC by its definition, RFC 2104: H(key xor opad || H(key xor ipad || message)), over a block of 64 bytes. */
function hmacByDefinition(key: Uint8Array, message: Uint8Array): Uint8Array {
  const block = new Uint8Array(64);
  block.set(key.length > 64 ? sha256(key) : key);
  return sha256(
    block.map((byte) => byte ^ 0x5c),
    sha256(
      block.map((byte) => byte ^ 0x36),
      message,
    ),
  );
}

describe("worked by hand: xoring", () => {
  test("two keys of the chunk's length", () => {
    // 0f xor f1 = fe; 35 xor 53 = 66; 00 xor ff = ff
    expect(toHex(combineLegacy("xoring", [hex("0f3500"), hex("f153ff")], 3))).toBe("fe66ff");
  });

  test("three: 01 xor 02 = 03, xor 04 = 07; a0 xor 0b = ab, xor ff = 54", () => {
    expect(toHex(combineLegacy("xoring", [hex("01a0"), hex("020b"), hex("04ff")], 2))).toBe("0754");
  });

  test("a shorter key ends in zeros: 11 xor 22 = 33, then 44 xor 00 = 44, then 00", () => {
    expect(toHex(combineLegacy("xoring", [hex("1144"), hex("22")], 3))).toBe("334400");
  });

  test("longer keys lose what is beyond the chunk: 80 xor 7f = ff", () => {
    expect(toHex(combineLegacy("xoring", [hex("80 01 02"), hex("7f 03")], 1))).toBe("ff");
  });

  test("equal keys cancel out: aa xor aa = 00", () => {
    expect(toHex(combineLegacy("xoring", [hex("aabb"), hex("aabb")], 2))).toBe("0000");
  });
});

describe("worked by hand: hmac", () => {
  test("the key that sorts first is HMAC's key, the others its message, in order", () => {
    // 01 < 0102 (a prefix sorts first) < 7f < 80 (unsigned): key 01, message 0102 || 7f || 80
    const keys = ["80", "0102", "7f", "01"].map(hex);
    const expected = hmacByDefinition(hex("01"), hex("0102 7f 80"));
    expect(toHex(combineLegacy("hmac", keys, 32))).toBe(toHex(expected));
  });

  test("RFC 4231 test case 1 by chance: key 0b x 20 sorts before 'Hi There' (48...)", () => {
    const keys = [hex("4869205468657265"), hex("0b".repeat(20))];
    expect(toHex(combineLegacy("hmac", keys, 32))).toBe(
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    );
  });

  test("cut to the chunk; never more than 32 bytes", () => {
    const keys = [hex("4869205468657265"), hex("0b".repeat(20))];
    expect(toHex(combineLegacy("hmac", keys, 4))).toBe("b0344c61");
    expect(combineLegacy("hmac", keys, 33)).toHaveLength(32);
  });
});

describe("worked by hand: xorhmac", () => {
  test("both ways round, XORed", () => {
    // sorted 01, 02, 03: HMAC(01, 02 03) xor HMAC(03, 02 01)
    const [there, back] = [hmacByDefinition(hex("01"), hex("0203")), hmacByDefinition(hex("03"), hex("0201"))];
    const expected = there.map((byte, at) => byte ^ back[at]!);
    expect(toHex(combineLegacy("xorhmac", ["02", "03", "01"].map(hex), 32))).toBe(toHex(expected));
  });

  test("beyond 32 bytes there are zeros only", () => {
    const chunk = combineLegacy("xorhmac", [hex("01"), hex("02")], 40);
    expect([chunk.length, toHex(chunk.subarray(32))]).toEqual([40, "0000000000000000"]);
    expect(toHex(chunk.subarray(0, 32))).toBe(toHex(combineLegacy("xorhmac", [hex("01"), hex("02")], 32)));
  });

  test("two equal keys cancel out", () => {
    expect(toHex(combineLegacy("xorhmac", [hex("0a"), hex("0a")], 4))).toBe("00000000");
  });
});

test("a single key is given as it is, cut but never padded", () => {
  for (const method of METHODS) {
    expect(toHex(combineLegacy(method, [hex("c0ffee")], 2))).toBe("c0ff");
    expect(toHex(combineLegacy(method, [hex("c0ffee")], 5))).toBe("c0ffee");
  }
});

test("a single key is a copy, of a Buffer too: its owner wipes it", () => {
  const key = Buffer.from("c0ffee", "hex");
  const chunk = combineLegacy("xoring", [key], 3);
  key.fill(0);
  expect(toHex(chunk)).toBe("c0ffee");
});

test("the order of arrival does not matter, and no key is changed", () => {
  const some = fc.array(fc.uint8Array({ maxLength: 70 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(some, fc.integer({ min: 1, max: 80 }), fc.constantFrom(...METHODS), (keys, lengthBytes, method) => {
      const before = keys.map(toHex);
      const chunk = toHex(combineLegacy(method, keys, lengthBytes));
      expect(toHex(combineLegacy(method, keys.toReversed(), lengthBytes))).toBe(chunk);
      expect(keys.map(toHex)).toEqual(before);
    }),
  );
});

test("what a method covers: every byte depends on every key", () => {
  const [long, short] = [new Uint8Array(64).fill(1), new Uint8Array(20).fill(2)];
  expect(legacyCoversBytes("xoring", [long, short])).toBe(20);
  expect(legacyCoversBytes("hmac", [long, short])).toBe(32);
  expect(legacyCoversBytes("xorhmac", [long, short])).toBe(32);
  for (const method of METHODS) expect(legacyCoversBytes(method, [short])).toBe(20);
});
