import { createCipheriv } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHex, toHex } from "../bytes/hex.ts";
import { Gf128Hash } from "./gf128.ts";

const hash = (key: Uint8Array, message: Uint8Array): string => toHex(new Gf128Hash(key).update(message).digest());

/** GHASH(A, "") as AES-GCM shows it: a tag over additional data alone, less the tag over nothing. */
function ghashOfGcm(aesKey: Uint8Array, additional: Uint8Array): { key: Uint8Array; hash: string } {
  const tag = (data: Uint8Array): Buffer => {
    const cipher = createCipheriv("aes-128-gcm", aesKey, new Uint8Array(12));
    cipher.setAAD(data);
    cipher.final();
    return cipher.getAuthTag();
  };
  const block = createCipheriv("aes-128-ecb", aesKey, null).setAutoPadding(false);
  const key = block.update(new Uint8Array(16));
  const pad = tag(new Uint8Array(0));
  return { key, hash: toHex(tag(additional).map((byte, i) => byte ^ pad[i]!)) };
}

/** SP 800-38D algorithm 1, on integers whose bit 127 is the first bit. */
function multiply(x: bigint, y: bigint): bigint {
  let [z, v] = [0n, y];
  for (let i = 127n; i >= 0n; i--) {
    if ((x >> i) & 1n) z ^= v;
    v = v & 1n ? (v >> 1n) ^ (0xe1n << 120n) : v >> 1n;
  }
  return z;
}

const element = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`);

function reference(key: Uint8Array, message: Uint8Array): string {
  const padded = Buffer.alloc(16 * Math.ceil(message.length / 16) + 16);
  padded.set(message);
  padded.writeBigUInt64BE(8n * BigInt(message.length), padded.length - 16);
  let sum = 0n;
  for (let i = 0; i < padded.length; i += 16) {
    sum = multiply(sum ^ element(padded.subarray(i, i + 16)), element(key));
  }
  return sum.toString(16).padStart(32, "0");
}

const keys = fc.uint8Array({ minLength: 16, maxLength: 16 });
const messages = fc.uint8Array({ maxLength: 200 });

describe("the hash", () => {
  test("multiplies as McGrew and Viega's test case 2 does", () => {
    const h = fromHex("66e94bd4ef8a2c3b884cfa59ca342b2e")!;
    const block = fromHex("0388dace60b6a392f328c2b971b2fe78")!;
    expect(multiply(element(block), element(h)).toString(16)).toBe("5e2ec746917062882c85b0685353deb7");
    expect(hash(h, block)).toBe(reference(h, block));
  });

  test("is what AES-GCM computes over additional data", () => {
    fc.assert(
      fc.property(keys, fc.uint8Array({ minLength: 1, maxLength: 200 }), (aesKey, message) => {
        const expected = ghashOfGcm(aesKey, message);
        expect(hash(expected.key, message)).toBe(expected.hash);
      }),
    );
  });

  test("is the polynomial by its definition", () => {
    fc.assert(
      fc.property(keys, messages, (key, message) => {
        expect(hash(key, message)).toBe(reference(key, message));
      }),
    );
  });

  test("does not depend on how the message is cut, nor on looking along the way", () => {
    fc.assert(
      fc.property(keys, fc.array(fc.uint8Array({ maxLength: 40 })), (key, parts) => {
        const running = new Gf128Hash(key);
        let message = Buffer.alloc(0);
        for (const part of parts) {
          message = Buffer.concat([message, part]);
          expect(toHex(running.update(part).digest())).toBe(hash(key, message));
        }
      }),
    );
  });

  test("of a MiB that lies at an odd place of its buffer", () => {
    const around = new Uint8Array((1 << 20) + 3).map((_, i) => (i * 2_654_435_761) >>> 13);
    const message = around.subarray(3);
    const { key, hash: expected } = ghashOfGcm(new Uint8Array(16).fill(7), message);
    expect(hash(key, message)).toBe(expected);
  });
});

describe("messages that padding could confuse", () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
  test("differ by their length block", () => {
    const zeros = [0, 1, 15, 16, 17, 32].map((bytes) => hash(key, new Uint8Array(bytes)));
    expect(new Set(zeros).size).toBe(zeros.length);
  });
});

test("hashes add up: h(a) + h(b) = h(a + b) + h(0) at one length", () => {
  fc.assert(
    fc.property(keys, fc.array(fc.tuple(fc.nat(255), fc.nat(255)), { maxLength: 64 }), (key, pairs) => {
      const [a, b] = [Uint8Array.from(pairs, ([byte]) => byte), Uint8Array.from(pairs, ([, byte]) => byte)];
      const both = a.map((byte, i) => byte ^ b[i]!);
      const sum = [a, b, both, new Uint8Array(a.length)].map((message) => BigInt(`0x${hash(key, message)}`));
      expect(sum.reduce((x, y) => x ^ y)).toBe(0n);
    }),
  );
});

test("a wiped hash has forgotten its key", () => {
  const running = new Gf128Hash(new Uint8Array(16).fill(9)).update(new Uint8Array(40).fill(1));
  running.wipe();
  expect(toHex(running.digest())).toBe("00".repeat(16));
});

test.each([0, 15, 17, 32])("a key of %d bytes is refused", (bytes) => {
  expect(() => new Gf128Hash(new Uint8Array(bytes))).toThrow(RangeError);
});
