import { expect, test } from "vitest";
import type { NodeId, PairName } from "../../shared/ids.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import { firstId, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import { FIRST_RELAY_SHARD } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import { buildLookup, nodeId } from "../../shared/network/lookup.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { ok } from "../../shared/result.ts";
import { foreignPools, locate } from "./dec-groups.ts";

const link = (a: string, b: string, shards: number) => ({
  id: `${a}-${b}`,
  nodes: [a, b],
  source: "push",
  feed: "one-ended",
  health: "reject",
  key_rate_bps: 0,
  shards,
});

function lookupOf(more: readonly { id: string }[] = [], shards: number = LIMITS.shards) {
  const document = validateNetwork({
    nodes: [{ id: "n1" }, { id: "n2" }, { id: "n3" }, { id: "n4" }, ...more],
    links: [link("n1", "n2", 2), link("n2", "n3", 4), link("n3", "n4", shards)],
    saes: [],
    operators: [{ id: "op", credentials: [{ type: "certificate", match: "cn", value: "op" }] }],
  });
  if (!document.ok) throw new Error(JSON.stringify(document.error));
  const nothing = { revocations: [], drains: [], bootstrapOpen: false };
  return buildLookup({ sequence: 1, documentVersion: 1, document: document.value, ...nothing });
}
const lookup = lookupOf();

const idOf = (shard: number) => {
  const nonce = makeNonce(crypto.getRandomValues(new Uint8Array(8)), shard);
  return firstId(writeKeyIds(nonce, new Uint8Array(7), 1, 1));
};
const pair = (name: string) => name as PairName;

test("groups come in one order, whatever that of the keys: two requests cannot each take what the other needs", async () => {
  const ids = [3, 0, 2, 1].map(idOf);
  for (const pairs of [["n2|n3"], ["n1|n2", "n2|n3"]]) {
    for (const asked of [ids, ids.toReversed()]) {
      // Odd shards in the first pair, even ones in the last.
      const located = await locate(lookup, asked, pairs.map(pair), async ({ pair: at, shard }) =>
        (at === pairs[0]) === (shard % 2 === 1)
          ? ok(null)
          : { ok: false, error: { code: "key-not-found", message: "" } },
      );
      const groups = located.ok ? located.value.map((group) => `${group.pair}#${group.shard}`) : [];
      expect(groups).toEqual(
        pairs.length === 1
          ? ["n2|n3#0", "n2|n3#1", "n2|n3#2", "n2|n3#3"]
          : ["n1|n2#1", "n1|n2#3", "n2|n3#0", "n2|n3#2"],
      );
    }
  }
});

const FIRST = FIRST_RELAY_SHARD;
test.each<[string, string[], string[]]>([
  ["n1", [], ["n1|n1#0", "n1|n1#1", "n1|n1#61", "n1|n2#0", "n1|n2#1", "n1|n2#61", "n1|n3#61", "n1|n4#61"]],
  ["n1", ["n1|n2", "n1|n4"], ["n1|n1#0", "n1|n1#1", "n1|n1#61", "n1|n3#61"]],
  [
    "n2",
    ["n2|n3"],
    ["n1|n2#0", "n1|n2#1", "n1|n2#3", "n1|n2#61", "n2|n2#0", "n2|n2#1", "n2|n2#3", "n2|n2#61", "n2|n4#61"],
  ],
])("random IDs wake no pool that no pair of the master's node %s (own %j) could have", (node, own, expected) => {
  const nodes: NodeId[] = [nodeId(node)];
  const groups = foreignPools(lookup, nodes, own.map(pair), [0, 1, 3, 7, FIRST - 1, FIRST + 1].map(idOf));
  expect(groups.map((group) => `${group.pair}#${group.shard}`).toSorted()).toEqual(expected);
});

test("however many nodes there are, the pools asked are bounded, and those of neighbours come first", () => {
  const many = lookupOf(Array.from({ length: 200 }, (_, i) => ({ id: `x${i}` })));
  const groups = foreignPools(many, [nodeId("n2")], [], [FIRST, FIRST + 1].map(idOf));
  expect(groups).toHaveLength(LIMITS.foreignPoolChecks);
  expect(groups.slice(0, 6).map((group) => group.pair)).toEqual(["n2|n2", "n2|n2", "n1|n2", "n1|n2", "n2|n3", "n2|n3"]);
});

const nobody = async () => await Promise.reject(new Error("no question is needed"));
test("a key of relayed material is located in the pair's relay shard, whatever links have", async () => {
  const located = await locate(lookup, [idOf(FIRST + 3), idOf(FIRST)], [pair("n1|n4")], nobody);
  expect(located.ok && located.value.map((group) => `${group.pair}#${group.shard}`)).toEqual([
    `n1|n4#${FIRST}`,
    `n1|n4#${FIRST + 3}`,
  ]);
  const { error } = (await locate(lookupOf([], 2), [idOf(5)], [pair("n1|n4")], nobody)) as { error: { code: string } };
  expect(error.code).toBe("key-not-found");
});
