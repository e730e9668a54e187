import { expect, test } from "vitest";
import type { NodeId, PairName } from "../../shared/ids.ts";
import { makeNonce } from "../../shared/keypool/key-id.ts";
import { firstId, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
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

function lookupOf() {
  const document = validateNetwork({
    nodes: [{ id: "n1" }, { id: "n2" }, { id: "n3" }, { id: "n4" }],
    links: [link("n1", "n2", 2), link("n2", "n3", 4), link("n3", "n4", 64)],
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

test.each<[string, string[], string[]]>([
  ["n1", [], ["n1|n1#0", "n1|n1#1", "n1|n2#0", "n1|n2#1"]],
  ["n1", ["n1|n2"], ["n1|n1#0", "n1|n1#1"]],
  ["n2", ["n2|n3"], ["n1|n2#0", "n1|n2#1", "n1|n2#3", "n2|n2#0", "n2|n2#1", "n2|n2#3"]],
])("random IDs wake no pool that no pair of the master's node %s (own %j) could have", (node, own, expected) => {
  const nodes: NodeId[] = [nodeId(node)];
  const groups = foreignPools(lookup, nodes, own.map(pair), [0, 1, 3, 7, 63].map(idOf));
  expect(groups.map((group) => `${group.pair}#${group.shard}`).toSorted()).toEqual(expected);
});
