import { expect, test } from "vitest";
import type { NodeId, PairName } from "../ids.ts";
import type { RelayId, RelayTerms } from "../relay/types.ts";
import { flawOfHopOf, flawOfTermsAt, otherNodeOf } from "./relay-checks.ts";
import { FIRST_RELAY_SHARD, MAX_DISJOINT_PATHS } from "./relay-shard.ts";

const [a, b, c, d] = ["n-a", "n-b", "n-c", "n-d"] as NodeId[] as [NodeId, NodeId, NodeId, NodeId];
const terms: RelayTerms = {
  relay: "0f8fad5b-d9cb-469f-a165-70867728950e" as RelayId,
  pair: "n-a|n-d" as PairName,
  shard: FIRST_RELAY_SHARD,
  path: [d, c, b, a],
  share: [0, 1],
  bytes: 32,
  expiresMs: 1,
};
const flawOf = (changes: Partial<Record<keyof RelayTerms, unknown>>, from = c, to = b) =>
  flawOfTermsAt({ ...terms, ...changes } as RelayTerms, { from, to });

test("a relay is drawn for and taken along its path, one way", () => {
  expect(flawOf({})).toBeNull();
  expect(flawOf({}, d, c)).toBeNull();
  expect(flawOf({}, b, a)).toBeNull();
  expect(flawOf({}, b, c)).toContain("no hop from n-b to n-c");
  expect(flawOf({}, d, b)).toContain("no hop");
  expect(flawOf({}, a, d)).toContain("no hop");
});

test("its terms are looked at first, whatever stands in their places", () => {
  expect(flawOf({ bytes: "32" })).toContain("bytes");
  expect(flawOf({ relay: 5 })).toContain("UUID");
  expect(flawOf({ pair: 5 })).toContain("joins");
  expect(flawOf({ path: "n-c" })).toContain("nodes");
});

test("what tells a hop from others has its form", () => {
  expect(flawOfHopOf(terms)).toBeNull();
  const flawOfOne = (changes: Partial<Record<keyof RelayTerms, unknown>>) =>
    flawOfHopOf({ ...terms, ...changes } as RelayTerms);
  for (const relay of ["", "x", terms.relay.toUpperCase(), 5]) expect(flawOfOne({ relay })).toContain("UUID");
  for (const pair of ["n-a", "n-a|", "n-a|n-b|n-d", `n-a|${"x".repeat(1000)}`, 5]) {
    expect(flawOfOne({ pair })).toContain("pair");
  }
  for (const shard of [0, FIRST_RELAY_SHARD - 1, FIRST_RELAY_SHARD + MAX_DISJOINT_PATHS, 60.5]) {
    expect(flawOfOne({ shard })).toContain("shard");
  }
});

test("a link has two nodes", () => {
  expect(otherNodeOf({ pair: "n-a|n-b" as PairName, node: a })).toBe(b);
  expect(otherNodeOf({ pair: "n-a|n-b" as PairName, node: b })).toBe(a);
  expect(otherNodeOf({ pair: "n-a|n-b" as PairName, node: c })).toBeNull();
  expect(otherNodeOf({ pair: "n-a|n-a" as PairName, node: a })).toBeNull();
});
