import { expect, it } from "vitest";
import type { BlockId, NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { blockOfRelay } from "../relay/block.ts";
import type { RelayId } from "../relay/types.ts";
import { FIRST_RELAY_SHARD, relayShardOf } from "./relay-shard.ts";
import { flawOfIngest, hopsOf } from "./relayed-block.ts";
import type { IngestCall, PoolConfig } from "./types.ts";

const [a, b, c, d, e] = ["a", "b", "c", "d", "e"] as NodeId[] as [NodeId, NodeId, NodeId, NodeId, NodeId];
const relay = "5e8fb1a4-1df6-4a0c-8a58-9b6e5a0bd0a1" as RelayId;
const pair = { low: a, high: d };

function flaw(
  paths: readonly (readonly NodeId[])[] | null,
  {
    shard = FIRST_RELAY_SHARD,
    source = "relay",
    ...call
  }: Partial<IngestCall> & { shard?: number; source?: PoolConfig["source"] } = {},
): string | null {
  const relayed = paths === null ? {} : { relayed: { relay, paths } };
  const whole = { block: blockOfRelay(relay), node: a, bytes: new Uint8Array(32), ...relayed, ...call };
  return flawOfIngest(whole, source, { pair, shard });
}

it("takes a block over a path between its nodes, told from either end", () => {
  expect(flaw([[a, b, c, d]])).toBeNull();
  expect(flaw([[d, c, a]], { node: d })).toBeNull();
  expect(flaw([[a, d]])).toBeNull();
});

it("counts the links of the longest path", () => {
  expect(hopsOf({ paths: [[a, d]] })).toBe(1);
  expect(
    hopsOf({
      paths: [
        [a, b, d],
        [a, c, e, d],
      ],
    }),
  ).toBe(3);
});

it("keeps relayed key and all other apart", () => {
  expect(flaw(null)).toMatch(/relayed key alone/);
  expect(flaw(null, { source: "push", shard: 0 })).toBeNull();
  expect(flaw([[a, b, d]], { source: "push", shard: 0 })).toMatch(/no relayed key/);
  expect(flaw([[a, b, d]], { shard: 0 })).toMatch(/no relayed key/);
});

it.each([
  ["a block of another name", [[a, b, d]], { block: "f:0" as BlockId }, /named by its relay/],
  ["a node of another pair", [[a, b, d]], { node: b }, /none of this pool's/],
  ["no bytes", [[a, b, d]], { bytes: new Uint8Array(0) }, /1 to \d+ bytes/],
  ["too many bytes", [[a, b, d]], { bytes: new Uint8Array(LIMITS.relayBytes + 1) }, /1 to \d+ bytes/],
  ["no path", [], {}, /1 paths/],
  [
    "two paths where one is wanted",
    [
      [a, b, d],
      [a, c, d],
    ],
    {},
    /1 paths/,
  ],
  ["a path that ends elsewhere", [[a, b, c]], {}, /joins the nodes/],
  ["a path that comes back", [[a, b, a]], {}, /each node once/],
  ["a loop", [[a, b, c, b, d]], {}, /each node once/],
  ["a path over its own end", [[a, b, a, c, d]], {}, /each node once/],
  ["a path of one node", [[a]], {}, /2 to \d+ nodes/],
  [
    "a path without end",
    [[a, ...Array.from({ length: LIMITS.relayHops }, (_, i) => `n${i}` as NodeId), d]],
    {},
    /2 to \d+ nodes/,
  ],
] as const)("refuses %s", (_, paths, call, expected) => {
  expect(flaw(paths, call)).toMatch(expected);
});

it("wants as many disjoint paths as the shard is for, all from the same end", () => {
  const shard = relayShardOf(2);
  expect(
    flaw(
      [
        [a, b, d],
        [a, c, d],
      ],
      { shard },
    ),
  ).toBeNull();
  expect(
    flaw(
      [
        [a, d],
        [a, c, d],
      ],
      { shard },
    ),
  ).toBeNull();
  expect(flaw([[a, b, d]], { shard })).toMatch(/2 paths/);
  expect(
    flaw(
      [
        [a, b, d],
        [a, c, b, d],
      ],
      { shard },
    ),
  ).toMatch(/share no node/);
  expect(
    flaw(
      [
        [a, d],
        [a, d],
      ],
      { shard },
    ),
  ).toMatch(/share no node/);
  expect(
    flaw(
      [
        [a, b, d],
        [d, c, a],
      ],
      { shard },
    ),
  ).toMatch(/begin at one node/);
});
