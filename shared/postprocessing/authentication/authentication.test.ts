import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gf128Hash } from "../gf128.ts";
import { equalBytes } from "./equal.ts";
import { type BlockAuthentication, type Direction, DIRECTIONS, POINTS } from "./points.ts";
import { PARAMETER_SETS, type SigningKeys, SlhDsa } from "./slh-dsa.ts";
import { BLOCK_KEY_BYTES, forgeryLog2, WegmanCarter } from "./wegman-carter.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const KEYS = Uint8Array.from({ length: BLOCK_KEY_BYTES }, (_, i) => (167 * i + 13) & 0xff);
const [AB, BA] = DIRECTIONS;

const signing = (["alice", "bob"] as const).map((_, i) =>
  PARAMETER_SETS["sha2-128f"].keygen(new Uint8Array(48).fill(i + 1)),
);
const keysOf = (mine: 0 | 1): SigningKeys => ({
  parameterSet: "sha2-128f",
  ownSecretKey: signing[mine]!.secretKey,
  peerPublicKey: signing[1 - mine]!.publicKey,
});
const zeros = (bytes: number): Uint8Array => new Uint8Array(bytes);

const SCHEMES: readonly (readonly [string, (own: Direction) => BlockAuthentication])[] = [
  ["wegman-carter", (own) => new WegmanCarter(own, KEYS.slice())],
  ["slh-dsa", (own) => new SlhDsa(own, keysOf(own === AB ? 0 : 1), zeros)],
];

describe.each(SCHEMES)("%s", (scheme, make) => {
  const pair = (heard: Uint8Array): readonly [BlockAuthentication, BlockAuthentication] => {
    const [alice, bob] = [make(AB), make(BA)];
    alice.absorb(AB, bytesOf("message"));
    bob.absorb(AB, heard);
    return [alice, bob];
  };

  test("says what it is", () => expect(make(AB).scheme).toBe(scheme));

  test("a tag fits what was said, once", () => {
    const [alice, bob] = pair(bytesOf("message"));
    const tag = alice.tag("estimation");
    expect(bob.verify("estimation", tag)).toBe(true);
    expect(bob.verify("estimation", tag)).toBe(false);
    expect(() => alice.tag("estimation")).toThrow("before");
  });

  test("a running transcript: later tags cover what came before, however it was cut", () => {
    const [alice, bob] = pair(bytesOf("mess"));
    bob.absorb(AB, bytesOf("age"));
    expect(bob.verify("estimation", alice.tag("estimation"))).toBe(true);
    alice.absorb(AB, bytesOf(" two"));
    bob.absorb(AB, bytesOf(" two"));
    expect(bob.verify("correction", alice.tag("correction"))).toBe(true);
  });

  test("a tag fits nothing else: no other words, point, direction, or bits", () => {
    expect(pair(bytesOf("massage"))[1].verify("estimation", pair(bytesOf(""))[0].tag("estimation"))).toBe(false);
    const [alice, bob] = pair(bytesOf("message"));
    expect(bob.verify("correction", alice.tag("estimation"))).toBe(false);
    const mirror = make(BA);
    mirror.absorb(BA, bytesOf("message"));
    const reflected = make(BA);
    reflected.absorb(AB, bytesOf("message"));
    expect(reflected.verify("estimation", mirror.tag("estimation"))).toBe(false);
    const [, other] = pair(bytesOf("message"));
    const tag = pair(bytesOf("message"))[0].tag("estimation");
    tag[3]! ^= 1;
    expect(other.verify("estimation", tag)).toBe(false);
  });

  test.each([0, 1, 15, 17, 17_087, 17_089])("a tag of %d bytes does not fit", (length) => {
    expect(pair(bytesOf("message"))[1].verify("estimation", new Uint8Array(length))).toBe(false);
  });
});

describe("one-time tags", () => {
  test("are the transcript's hash under r, plus a pad of their own for each point and direction", () => {
    const pads = DIRECTIONS.flatMap((direction, d) =>
      POINTS.map((point, p) => {
        const end = new WegmanCarter(direction, KEYS.slice());
        end.absorb(direction, bytesOf("what was said"));
        const r = KEYS.subarray(16 * d, 16 * d + 16);
        const hash = new Gf128Hash(r).update(bytesOf("what was said")).digest();
        const pad = end.tag(point).map((byte, i) => byte ^ hash[i]!);
        const at = 32 + 16 * (3 * d + p);
        expect(pad).toEqual(KEYS.slice(at, at + 16));
        return pad.join();
      }),
    );
    expect(new Set(pads).size).toBe(6);
  });

  test("take 1024 bits of key a block, no more and no fewer", () => {
    expect(BLOCK_KEY_BYTES * 8).toBe(1024);
    for (const length of [0, 127, 129]) expect(() => new WegmanCarter(AB, new Uint8Array(length))).toThrow(RangeError);
  });

  test("are erased with the block", () => {
    const keys = KEYS.slice();
    new WegmanCarter(AB, keys).wipe();
    expect(keys.every((byte) => byte === 0)).toBe(true);
  });

  test("are neither made nor accepted once their keys are erased", () => {
    const end = new WegmanCarter(AB, KEYS.slice());
    end.wipe();
    end.absorb(BA, bytesOf("what a stranger says"));
    expect(end.verify("estimation", new Uint8Array(16))).toBe(false);
    expect(() => end.tag("estimation")).toThrow("erased");
  });

  test.each([
    [64, -125.7],
    [1024, -122],
    [1024 ** 2, -112],
    [4 * 1024 ** 2, -110],
    [64 * 1024 ** 2, -106],
  ])("on %d bytes are forged with probability 2^%d", (bytes, log2) => {
    expect(forgeryLog2(bytes)).toBeCloseTo(log2, 1);
  });
});

test("keys of another parameter set are refused", () => {
  expect(() => new SlhDsa(AB, { ...keysOf(0), parameterSet: "sha2-192f" }, zeros)).toThrow(RangeError);
});

test("equalBytes is equality", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (a, b) => {
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      expect(equalBytes(a, a.slice())).toBe(true);
    }),
  );
});
