import { describe, expect, test } from "vitest";
import { nodes, NOW_MS, relayTerms } from "../../test/support/relay-rig.ts";
import type { NodeId, PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { flawOfStep, flawOfTerms } from "./terms.ts";
import type { RelayId, RelayStep, RelayTerms } from "./types.ts";

const PATH = nodes("a", "b", "c");
const long = (count: number): NodeId[] => nodes(...Array.from({ length: count }, (_, i) => `n${i}`));

describe("terms", () => {
  test.each<[string, RelayTerms]>([
    ["of three nodes", relayTerms(PATH)],
    ["of a link's two nodes", relayTerms(nodes("a", "b"))],
    ["from the higher node of the pool to the lower", relayTerms(nodes("c", "b", "a"))],
    ["over as many hops as there may be", relayTerms(long(LIMITS.relayHops + 1))],
    ["of a share", relayTerms(PATH, { share: [3, 4] })],
    ["of the longest key", relayTerms(PATH, { bytes: LIMITS.relayBytes })],
    ["of the latest expiry", relayTerms(PATH, { expiresMs: NOW_MS + LIMITS.relayMs + LIMITS.relaySkewMs })],
    ["of the last moment", relayTerms(PATH, { expiresMs: NOW_MS + 1 })],
  ])("%s are taken", (_what, terms) => expect(flawOfTerms(terms, NOW_MS)).toBeNull());

  const pair = "a|c" as PairName;
  test.each<[string, RelayTerms, RegExp]>([
    ["a relay without a UUID", relayTerms(PATH, { relay: "1" as RelayId }), /UUID/],
    [
      "one in upper case",
      relayTerms(PATH, { relay: "AAAAAAAA-0000-4000-8000-000000000000" as RelayId }),
      /UUID in lower case/,
    ],
    [
      "one and more",
      relayTerms(PATH, { relay: "aaaaaaaa-0000-4000-8000-000000000000\n" as RelayId }),
      /UUID in lower case/,
    ],
    ["no key", relayTerms(PATH, { bytes: 0 }), /1 to/],
    ["half a byte", relayTerms(PATH, { bytes: 1.5 }), /1 to/],
    ["NaN bytes", relayTerms(PATH, { bytes: Number.NaN }), /1 to/],
    ["too much key", relayTerms(PATH, { bytes: LIMITS.relayBytes + 1 }), /1 to/],
    ["no time", relayTerms(PATH, { expiresMs: Number.NaN }), /is a time/],
    ["half a millisecond", relayTerms(PATH, { expiresMs: NOW_MS + 0.5 }), /is a time/],
    ["a time that is over", relayTerms(PATH, { expiresMs: NOW_MS }), /has expired/],
    [
      "a time too far away",
      relayTerms(PATH, { expiresMs: NOW_MS + LIMITS.relayMs + LIMITS.relaySkewMs + 1 }),
      /expires within/,
    ],
    ["no path", { ...relayTerms(PATH), path: [] }, /2 to 65 nodes/],
    ["one node", { ...relayTerms(PATH), path: nodes("a") }, /2 to 65 nodes/],
    ["too many nodes", relayTerms(long(LIMITS.relayHops + 2)), /2 to 65 nodes/],
    ["a loop", relayTerms(nodes("a", "b", "d", "b", "c")), /each node once/],
    ["a way back", relayTerms(nodes("a", "b", "a"), { pair }), /each node once/],
    ["a node that has no such name", relayTerms(nodes("a", "b|c", "c")), /whose id is none/],
    ["one with half a character", relayTerms(nodes("a", "b\ud800", "c")), /whose id is none/],
    ["another pool's nodes", { ...relayTerms(PATH), pair: "a|b" as PairName }, /nodes of its pool/],
    ["a pool named the wrong way", { ...relayTerms(PATH), pair: "c|a" as PairName }, /nodes of its pool/],
    ["a link's shard", relayTerms(PATH, { shard: 0 }), /relay shard/],
    ["a shard beyond all", relayTerms(PATH, { shard: 64 }), /relay shard/],
    ["part of a shard", relayTerms(PATH, { shard: 60.5 }), /relay shard/],
    ["another number of shares than the shard's", relayTerms(PATH, { shard: 60, share: [0, 2] }), /as many shares/],
    ["a share beyond the last", relayTerms(PATH, { share: [2, 2] }), /one of those/],
    ["a share before the first", relayTerms(PATH, { share: [-1, 2] }), /one of those/],
  ])("with %s are not", (_what, terms, flaw) => expect(flawOfTerms(terms, NOW_MS)).toMatch(flaw));
});

describe("a step", () => {
  const terms = relayTerms(PATH);
  const draw = { shard: 0, record: 0, nonce: "00ff" };
  const step = (given: Partial<RelayStep & RelayStep["message"]>): RelayStep => {
    const { ciphertext = new Uint8Array(terms.bytes), tag = new Uint8Array(16), ...rest } = given;
    return { terms, position: 2, ...rest, message: { draw: given.draw ?? draw, ciphertext, tag } };
  };

  test("is taken by the node that the path has there", () => {
    expect(flawOfStep(step({}), "c" as NodeId, NOW_MS)).toBeNull();
    expect(flawOfStep(step({ position: 1, ciphertext: new Uint8Array(0) }), "b" as NodeId, NOW_MS)).toBeNull();
  });

  test.each<[string, RelayStep, RegExp]>([
    ["for another node", step({ position: 1, ciphertext: new Uint8Array(0) }), /another node there/],
    ["for the initiator", step({ position: 0 }), /after the first/],
    ["beyond the path", step({ position: 3 }), /after the first/],
    ["between positions", step({ position: 1.5 }), /after the first/],
    ["of flawed terms", step({ terms: relayTerms(PATH, { bytes: 0 }) }), /1 to/],
    ["with a truncated ciphertext", step({ ciphertext: new Uint8Array(47) }), /as long as the key/],
    ["without ciphertext", step({ ciphertext: new Uint8Array(0) }), /as long as the key/],
    ["with too much ciphertext", step({ ciphertext: new Uint8Array(49) }), /as long as the key/],
    ["with a truncated tag", step({ tag: new Uint8Array(15) }), /16 bytes/],
    ["with bits of a relay shard", step({ draw: { ...draw, shard: 60 } }), /shard of a link/],
    ["without a record", step({ draw: { ...draw, record: -1 } }), /record/],
    ["with half a nonce", step({ draw: { ...draw, nonce: "0" } }), /nonce/],
    ["without a nonce", step({ draw: { ...draw, nonce: "" } }), /nonce/],
    ["with a nonce without end", step({ draw: { ...draw, nonce: "00".repeat(33) } }), /nonce/],
  ])("%s is not", (_what, flawed, flaw) => expect(flawOfStep(flawed, "c" as NodeId, NOW_MS)).toMatch(flaw));
});
