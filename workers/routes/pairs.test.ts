/** Alarms of relayed key over HTTP: those of pairs that no link joins, and of each kind of such key. */
import { env } from "cloudflare:test";
import * as v from "valibot";
import { beforeAll, expect, test } from "vitest";
import { RelayedPairsSchema } from "../../shared/api/node-schemas.ts";
import { type NodeId, pairName, pairOf, poolName } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import { call, setUp } from "../../test/support/in-workerd-network.ts";
import type { Env } from "../env.ts";

type Path = readonly [NodeId, ...NodeId[], NodeId];
const [N1, N2, N3] = ["n1", "n2", "n3"].map((id) => nodeId(id)) as [NodeId, NodeId, NodeId];
const FAR = "n1|n3";
const NEAR = "n2|n3";

/** The ends put in what has come to them; the last one got something else. */
async function mismatch(...paths: readonly [Path, ...Path[]]): Promise<void> {
  const [from, to] = [paths[0][0], paths[0].at(-1) ?? paths[0][0]];
  const pools = (env as unknown as Env).KEY_POOL;
  const pool = pools.getByName(poolName(pairName(pairOf(from, to)), relayShardOf(paths.length)));
  const relay = crypto.randomUUID() as RelayId;
  for (const node of [from, to]) {
    const bytes = crypto.getRandomValues(new Uint8Array(4096));
    const relayed = { relay, paths };
    const put = { configVersion: 1, principal: "system", block: blockOfRelay(relay), node, bytes, relayed };
    expect(await pool.ingest(put)).toMatchObject({ ok: true });
  }
}

const pairsOf = async (query = "") => {
  const response = await call(`/api/v1/pairs${query}`, { as: "op" });
  expect(response.status).toBe(200);
  return v.parse(RelayedPairsSchema, await response.json());
};
const clear = async (pair: string, code = "twin-mismatch", as = "op") => {
  const path = `/api/v1/pairs/${encodeURIComponent(pair)}/alarms/${code}`;
  const response = await call(path, { as, method: "DELETE" });
  return [response.status, response.status === 200 ? await response.json() : null];
};

beforeAll(async () => {
  await setUp(2);
  await mismatch([N1, N2, N3]);
  await mismatch([N1, N2, N3], [N1, nodeId("n4"), N3]);
  await mismatch([N2, N1, N3]);
});

test("stand in full beside what the pools hold, page by page; pools of links do not", async () => {
  const { pairs, next } = await pairsOf();
  expect([pairs.map(({ pair, shard }) => [pair, shard]), next]).toEqual([
    [
      [FAR, 60],
      [FAR, 61],
      [NEAR, 60],
    ],
    null,
  ]);
  expect(pairs[1]).toMatchObject({
    disjoint_paths: 2,
    state: "active",
    level: "empty",
    available_bits: 0,
    target_bytes: 0,
    alarms: [{ code: "twin-mismatch", count: 1, shard: 61, meaning: expect.any(String) as string }],
  });
  const paged = [];
  for (let after: string | null = ""; after !== null;) {
    const page: v.InferOutput<typeof RelayedPairsSchema> = await pairsOf(`?limit=2&after=${encodeURIComponent(after)}`);
    paged.push(page.pairs.length);
    after = page.next;
  }
  expect(paged).toEqual([2, 1]);
});

test("are for operators only, and cleared for all kinds of one pair's key", async () => {
  for (const as of ["agent-1", "sae-b"]) {
    expect((await call("/api/v1/pairs", { as })).status).toBe(403);
    expect(await clear(FAR, "twin-mismatch", as)).toEqual([403, null]);
  }
  expect((await call("/api/v1/pairs?limit=0", { as: "op" })).status).toBe(400);
  for (const pair of ["n1|n2", "n1|n9", "n1", "|", "n1|n3|n4", `${FAR}#60`]) {
    expect([pair, await clear(pair)]).toEqual([pair, [404, null]]);
  }
  expect(await clear(FAR, "no-such-code")).toEqual([404, null]);
  expect(await clear("n3|n1")).toEqual([200, { cleared: 2 }]);
  expect(await clear(FAR)).toEqual([200, { cleared: 0 }]);
  const { pairs } = await pairsOf();
  expect(pairs.map(({ alarms }) => alarms.length)).toEqual([0, 0, 1]);
});
