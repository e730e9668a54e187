import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nodes, relayId, relayTerms } from "../../test/support/relay-rig.ts";
import type { PairName } from "../ids.ts";
import { bytesOfHop } from "./bytes-of-hop.ts";
import { drawnBytesOf, openHop, sealFirstHop, sealHop } from "./hop.ts";
import type { HopMessage, LinkDraw, RelayTerms } from "./types.ts";

const PATH = nodes("a", "b", "c");
const DRAW: LinkDraw = { shard: 3, record: 9, nonce: "00ff" };
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte: number) => byte === 0);
const bytesUpTo = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 37 + seed * 101 + 1) & 0xff);

const little = (bytes: Uint8Array): bigint => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

/** Poly1305 by the book (RFC 8439 clause 2.5.1), on big integers: an oracle. */
function poly1305ByTheBook(message: Uint8Array, key: Uint8Array): string {
  const r = little(key.subarray(0, 16)) & 0x0ffffffc0ffffffc0ffffffc0fffffffn;
  let sum = 0n;
  for (let at = 0; at < message.length; at += 16) {
    const block = message.subarray(at, at + 16);
    sum = ((sum + little(block) + (1n << BigInt(8 * block.length))) * r) % ((1n << 130n) - 5n);
  }
  const tag = (sum + little(key.subarray(16))) & ((1n << 128n) - 1n);
  return tag.toString(16).padStart(32, "0").match(/../g)!.toReversed().join("");
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the oracle gives the tag of RFC 8439 clause 2.5.2", () => {
  const key = Buffer.from("85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b", "hex");
  const message = Buffer.from("Cryptographic Forum Research Group");
  expect(poly1305ByTheBook(message, key)).toBe("a8061dc1305136c6c22b8baf0c0127a9");
});

/** The key, and the messages of the two hops of PATH. */
function relayed(terms: RelayTerms) {
  const [first, second] = [bytesUpTo(drawnBytesOf(terms), 1), bytesUpTo(drawnBytesOf(terms), 2)];
  const begun = sealFirstHop(terms, DRAW, first.slice());
  if (!begun.ok) throw new Error(begun.error);
  const onward = sealHop(terms, 2, DRAW, second.slice(), begun.value.key);
  if (!onward.ok) throw new Error(onward.error);
  return { first, second, key: begun.value.key, messages: [begun.value.message, onward.value] as const };
}

const cut = (message: HopMessage, member: "ciphertext" | "tag"): HopMessage => ({
  ...message,
  [member]: message[member].subarray(1),
});

describe("a hop", () => {
  test("opens to the key that was sealed, at any length, and leaves nothing of what was drawn", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), (bytes) => {
        const terms = relayTerms(PATH, { bytes });
        const { first, second, key, messages } = relayed(terms);
        expect(hex(key)).toBe(hex(first.subarray(0, bytes)));
        const atB = first.slice();
        const opened = openHop(terms, 1, messages[0], atB);
        expect(opened.ok && hex(opened.value)).toBe(hex(key));
        expect(isZero(atB.subarray(bytes))).toBe(true);
        const atC = second.slice();
        const arrived = openHop(terms, 2, messages[1], atC);
        expect(arrived.ok && hex(arrived.value)).toBe(hex(key));
        expect(arrived.ok && arrived.value.buffer === atC.buffer).toBe(true);
        expect(isZero(atC.subarray(bytes))).toBe(true);
      }),
    );
  });

  test("has key XOR pad as ciphertext, and by the book the tag of all it is bound to", () => {
    const terms = relayTerms(PATH);
    const { first, second, key, messages } = relayed(terms);
    expect(messages[0].ciphertext).toHaveLength(0);
    expect(hex(messages[1].ciphertext)).toBe(hex(key.map((byte, i) => byte ^ second[i]!)));
    for (const [at, drawn] of [first, second].entries()) {
      const { draw, ciphertext, tag } = messages[at]!;
      const covered = bytesOfHop(terms, at + 1, draw, ciphertext);
      expect(hex(tag)).toBe(poly1305ByTheBook(covered, drawn.subarray(terms.bytes)));
    }
  });

  test("sealing keeps of what was drawn the key, or nothing", () => {
    const terms = relayTerms(PATH);
    const first = bytesUpTo(drawnBytesOf(terms), 1);
    expect(sealFirstHop(terms, DRAW, first).ok).toBe(true);
    expect(isZero(first.subarray(terms.bytes))).toBe(true);
    const second = bytesUpTo(drawnBytesOf(terms), 2);
    expect(sealHop(terms, 2, DRAW, second, first.subarray(0, terms.bytes)).ok).toBe(true);
    expect(isZero(second)).toBe(true);
    expect(isZero(first)).toBe(false);
  });

  test("is refused with a changed bit anywhere in it, and what was taken is wiped", () => {
    const terms = relayTerms(PATH, { bytes: 17 });
    const { first, second, messages } = relayed(terms);
    for (const [at, message] of messages.entries()) {
      for (const member of ["ciphertext", "tag"] as const) {
        for (let bit = 0; bit < message[member].length * 8; bit++) {
          const changed = message[member].slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          const taken = (at === 0 ? first : second).slice();
          expect(openHop(terms, at + 1, { ...message, [member]: changed }, taken)).toEqual({ ok: false, error: "tag" });
          expect(isZero(taken)).toBe(true);
        }
      }
    }
  });

  test.each<[string, Partial<RelayTerms>]>([
    ["relay", { relay: relayId(2) }],
    ["pair", { pair: "a|d" as PairName }],
    ["shard", { shard: 61 }],
    ["path", { path: nodes("a", "b", "d") }],
    ["path the other way", { path: nodes("c", "b", "a") }],
    ["longer path", { path: nodes("a", "b", "c", "d") }],
    ["share", { share: [1, 2] }],
    ["number of shares", { share: [0, 2] }],
    ["expiry", { expiresMs: relayTerms(PATH).expiresMs + 1 }],
  ])("is none of another %s", (_what, other) => {
    const terms = relayTerms(PATH);
    const { first, second, messages } = relayed(terms);
    for (const [at, drawn] of [first, second].entries()) {
      const opened = openHop({ ...terms, ...other }, at + 1, messages[at]!, drawn.slice());
      expect(opened).toEqual({ ok: false, error: "tag" });
    }
  });

  test.each<[string, LinkDraw]>([
    ["shard", { ...DRAW, shard: 4 }],
    ["record", { ...DRAW, record: 10 }],
    ["nonce", { ...DRAW, nonce: "00fe" }],
  ])("is none of a draw with another %s", (_what, draw) => {
    const terms = relayTerms(PATH);
    const { second, messages } = relayed(terms);
    expect(openHop(terms, 2, { ...messages[1], draw }, second.slice())).toEqual({ ok: false, error: "tag" });
  });

  test("is none of another position, nor under bits of another link", () => {
    const terms = relayTerms(PATH);
    const { first, second, messages } = relayed(terms);
    expect(openHop(terms, 3, messages[1], second.slice())).toEqual({ ok: false, error: "tag" });
    expect(openHop(terms, 2, messages[1], first.slice())).toEqual({ ok: false, error: "tag" });
    expect(openHop(terms, 1, messages[0], second.slice())).toEqual({ ok: false, error: "tag" });
  });

  test("is refused where pad, key, ciphertext or tag are of another length", () => {
    const terms = relayTerms(PATH);
    const { first, second, key, messages } = relayed(terms);
    const [begin, onward] = messages;
    const length = { ok: false, error: "length" };
    for (const drawn of [first.slice(1), Uint8Array.of(...first, 0), new Uint8Array(0)]) {
      expect(sealFirstHop(terms, DRAW, drawn)).toEqual(length);
      expect(isZero(drawn)).toBe(true);
    }
    for (const taken of [second.slice(1), Uint8Array.of(...second, 0), new Uint8Array(0)]) {
      expect(openHop(terms, 2, onward, taken.slice())).toEqual(length);
      expect(sealHop(terms, 2, DRAW, taken, key)).toEqual(length);
      expect(isZero(taken)).toBe(true);
    }
    expect(sealHop(terms, 2, DRAW, second.slice(), key.subarray(1))).toEqual(length);
    expect(openHop(terms, 2, cut(onward, "ciphertext"), second.slice())).toEqual(length);
    expect(openHop(terms, 2, { ...onward, ciphertext: begin.ciphertext }, second.slice())).toEqual(length);
    expect(openHop(terms, 1, { ...begin, ciphertext: onward.ciphertext }, first.slice())).toEqual(length);
    expect(openHop(terms, 2, cut(onward, "tag"), second.slice())).toEqual({ ok: false, error: "tag" });
  });

  test("works on a view into shared memory, as Node's Buffer is, and wipes no more than its own", () => {
    const terms = relayTerms(PATH, { bytes: 8 });
    const pool = Buffer.alloc(100, 0xab);
    const begun = sealFirstHop(terms, DRAW, pool.subarray(10, 10 + drawnBytesOf(terms)));
    expect(begun.ok && begun.value.key.length).toBe(8);
    expect(pool.subarray(18, 50).every((byte: number) => byte === 0)).toBe(true);
    expect(pool.subarray(50).every((byte: number) => byte === 0xab)).toBe(true);
  });
});

/** Reads them back: what can be, is of one hop only. */
function parsed(bytes: Uint8Array): unknown {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const u32 = () => view.getUint32((at += 4) - 4);
  const u64 = () => Number(view.getBigUint64((at += 8) - 8));
  const raw = () => {
    const length = u32();
    return bytes.subarray(at, (at += length));
  };
  const text = () => Buffer.from(raw()).toString();
  const domain = text();
  const [relay, pair, shard] = [text(), text(), u32()];
  const path = Array.from({ length: u32() }, text);
  const share = [u32(), u32()];
  const carried = { relay, pair, shard, path, share, bytes: u32(), expiresMs: u64() };
  const terms = u32() === 1 ? { ...carried, compared: true } : carried;
  const position = u32();
  const place = { shard: u32(), record: u64(), nonce: text() };
  const draw = u32() === 1 ? { ...place, simulated: true } : place;
  const ciphertext = hex(raw());
  return { domain, terms, position, draw, ciphertext, left: bytes.length - at };
}

describe("the bytes under a tag", () => {
  test("tell all that they are of, and nothing else", () => {
    const word = fc.string({ unit: "grapheme", maxLength: 12 });
    const u32 = fc.nat(0xffff_ffff);
    const u53 = fc.maxSafeNat();
    const hop = fc.record({
      terms: fc.record(
        {
          relay: word,
          pair: word,
          shard: u32,
          path: fc.array(word, { maxLength: 8 }),
          share: fc.tuple(u32, u32),
          bytes: u32,
          expiresMs: u53,
          compared: fc.constant(true as const),
        },
        { requiredKeys: ["relay", "pair", "shard", "path", "share", "bytes", "expiresMs"] },
      ),
      position: u32,
      draw: fc.record(
        { shard: u32, record: u53, nonce: word, simulated: fc.constant(true as const) },
        { requiredKeys: ["shard", "record", "nonce"] },
      ),
      ciphertext: fc.uint8Array({ maxLength: 40 }),
    });
    fc.assert(
      fc.property(hop, ({ terms, position, draw, ciphertext }) => {
        const bytes = bytesOfHop(terms as unknown as RelayTerms, position, draw, ciphertext);
        const told = { domain: "qkd-edge relay hop 1", terms, position, draw, ciphertext: hex(ciphertext), left: 0 };
        expect(parsed(bytes)).toEqual(told);
      }),
    );
  });
});
