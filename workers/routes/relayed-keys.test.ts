import { env } from "cloudflare:test";
import * as v from "valibot";
import { beforeAll, describe, expect, test } from "vitest";
import { StatusSchema } from "../../shared/etsi014/status-schema.ts";
import { type KeyId, type NodeId, pairName, pairOf, poolName } from "../../shared/ids.ts";
import { shardOfKeyId } from "../../shared/keypool/key-id.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { nodeId } from "../../shared/network/lookup.ts";
import type { RelayId } from "../../shared/relay/types.ts";
import {
  call,
  container,
  type Container,
  errorOf,
  NETWORK,
  post,
  setUp,
} from "../../test/support/in-workerd-network.ts";
import { keyAs, openAs } from "../../test/support/in-workerd-stream-routes.ts";
import type { Env } from "../env.ts";

/**
 * sae-a, sae-a2 at n1 - sae-b, sae-b2 at n2 - sae-d at n3, sae-e at n4 beside n3. The key that would have come over n2
 * is put into the pools at once.
 */
const LINK = { source: "push", feed: "one-ended", health: "reject", key_rate_bps: 0 } as const;
const CREDENTIALS = NETWORK.saes.find(({ id }) => id === "sae-d")?.credentials ?? [];
beforeAll(
  async () =>
    await setUp(2, {
      ...NETWORK,
      nodes: [...NETWORK.nodes, { id: "n4" }],
      links: [...NETWORK.links, { ...LINK, id: "n3-n4", nodes: ["n3", "n4"] }],
      saes: [
        ...NETWORK.saes.filter(({ id }) => id !== "sae-d"),
        { id: "sae-d", node: "n3", credentials: CREDENTIALS },
        { id: "sae-e", node: "n4", credentials: [] },
      ],
    }),
);

/** As relays do: both ends put in what has come to them. */
async function stored(path: readonly [NodeId, ...NodeId[], NodeId], bytes: number): Promise<void> {
  const [from, to] = [path[0], path.at(-1) ?? path[0]];
  const pools = (env as unknown as Env).KEY_POOL;
  const pool = pools.getByName(poolName(pairName(pairOf(from, to)), ONE_PATH));
  const relay = crypto.randomUUID() as RelayId;
  const block = blockOfRelay(relay);
  const key = crypto.getRandomValues(new Uint8Array(bytes));
  const ingest = { configVersion: 1, principal: "system", block, bytes: key, relayed: { relay, paths: [path] } };
  for (const node of [from, to]) {
    const put = await pool.ingest({ ...ingest, node });
    if (!put.ok || put.value.outcome === "quarantined") throw new Error(JSON.stringify(put));
  }
}
const [N1, N2, N3] = ["n1", "n2", "n3"].map((id) => nodeId(id)) as [NodeId, NodeId, NodeId];
const ONE_PATH = relayShardOf(1);

type Keys = Container["keys"];
const ask = async (slave: string, as: string, body: unknown = {}) =>
  await post(`/api/v1/keys/${slave}/enc_keys`, as, body);
const enc = async (slave: string, as: string, body: unknown = {}): Promise<Keys> =>
  (await container(await ask(slave, as, body))).keys;
const dec = async (master: string, as: string, keys: Keys) =>
  await post(`/api/v1/keys/${master}/dec_keys`, as, { key_IDs: keys.map(({ key_ID }) => ({ key_ID })) });
const shardsOf = (keys: Keys) => [...new Set(keys.map(({ key_ID }) => shardOfKeyId(key_ID as KeyId)))];
const statusOf = async (slave: string, as: string) =>
  v.parse(StatusSchema, await (await call(`/api/v1/keys/${slave}/status`, { as })).json());
const availableBits = async (slave: string, as: string): Promise<number> => {
  const { status_extension: extension } = await statusOf(slave, as);
  return v.parse(Ledger, extension?.["qkdedge"]).ledger_bits.available;
};
const Relay = v.object({ relay: v.object({ target_bytes: v.number() }) });
const Ledger = v.object({ ledger_bits: v.object({ available: v.number() }) });

describe("keys between nodes without a link", () => {
  test("come from the pool of relayed key, once to each, and to nobody else", async () => {
    await stored([N1, N2, N3], 4096);
    const keys = await enc("sae-d", "sae-a", { number: 3 });
    expect(shardsOf(keys)).toEqual([ONE_PATH]);
    for (const stranger of ["sae-b", "sae-a2"]) {
      expect([stranger, (await dec("sae-a", stranger, keys)).status]).toEqual([stranger, 401]);
    }
    expect((await container(await dec("sae-a", "sae-d", keys))).keys).toEqual(keys);
    expect((await dec("sae-a", "sae-d", keys)).status).toBe(400);
    // And in the other direction.
    const back = await enc("sae-a", "sae-d");
    expect((await container(await dec("sae-d", "sae-a", back))).keys).toEqual(back);
  });

  test("a random key ID of a relay shard is not found, and says nothing", async () => {
    const id = `${crypto.randomUUID().slice(0, 19)}bc${crypto.randomUUID().slice(21)}`;
    expect(shardOfKeyId(id as KeyId)).toBe(ONE_PATH);
    for (const as of ["sae-b", "sae-d", "sae-a2"]) {
      expect((await dec("sae-a", as, [{ key_ID: id, key: "" }])).status).toBe(400);
    }
  });

  test("where nothing can be brought in: 503 with Retry-After, and the link's key is as it was", async () => {
    const before = await availableBits("sae-b", "sae-a");
    const response = await ask("sae-d", "sae-b", { number: 2, size: 4096 });
    expect(response.status).toBe(503);
    expect(Number(response.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect(await availableBits("sae-b", "sae-a")).toBe(before);
  });
});

describe("a link that is dry", () => {
  test("is passed over for what came over other nodes, unless the client wants the link's alone", async () => {
    await stored([N2, N3], 4096);
    const keys = await enc("sae-d", "sae-b");
    expect(shardsOf(keys)).toEqual([ONE_PATH]);
    expect((await container(await dec("sae-b", "sae-d", keys))).keys).toEqual(keys);
    const used = (await statusOf("sae-d", "sae-b")).status_extension?.["qkdedge"];
    expect(used).toMatchObject({
      link: "n2-n3",
      level: "empty",
      relay: { disjoint_paths: 1, stored_hops: { max: 1 } },
    });
    expect(v.parse(Relay, used).relay.target_bytes).toBeGreaterThan(0);
    const unused = (await statusOf("sae-b", "sae-a")).status_extension?.["qkdedge"];
    expect(unused).not.toHaveProperty("relay");
    for (const wish of [{ qkdedge_route_type: "direct" }, { qkdedge_max_hops: 1 }]) {
      const refused = await ask("sae-d", "sae-b", { extension_mandatory: [wish] });
      expect([refused.status, (await errorOf(refused)).message]).toEqual([503, "not enough keys available"]);
    }
    expect((await ask("sae-d", "sae-b", { extension_optional: [{ qkdedge_route_type: "direct" }] })).status).toBe(200);
  });

  test("and nothing over other nodes: the client hears of the link, and of the other way in the details", async () => {
    const response = await ask("sae-d", "sae-b2", { number: 100, size: 4096 });
    const { message, details } = await errorOf(response);
    expect([response.status, message]).toEqual([503, "not enough keys available"]);
    expect(details).toEqual([{ relay: expect.any(String) as string }]);
  });

  test("is not asked where shares over two paths are wanted", async () => {
    const response = await ask("sae-b", "sae-a", { extension_mandatory: [{ qkdedge_disjoint_paths: 2 }] });
    expect(response.status).not.toBe(200);
  });
});

describe("extensions", () => {
  test("a relayed key is not direct; values of a wrong type are refused by name", async () => {
    const unmet = await ask("sae-d", "sae-a", { extension_mandatory: [{ qkdedge_route_type: "direct" }] });
    expect([unmet.status, (await errorOf(unmet)).details]).toEqual([
      400,
      [{ extension_mandatory_unmet: "qkdedge_route_type cannot be met" }],
    ]);
    const wrong = await ask("sae-d", "sae-a", { extension_mandatory: [{ qkdedge_max_hops: "2" }] });
    expect((await errorOf(wrong)).message).toBe("extension_mandatory: qkdedge_max_hops: shall be an integer, 1 to 64");
  });
});

describe("multicast", () => {
  const FAR = { additional_slave_SAE_IDs: ["sae-d", "sae-a2"] };

  test("over the link to some and over other nodes to others: all have the same keys", async () => {
    await stored([N1, N2, N3], 65_536);
    const keys = await enc("sae-b", "sae-a", { ...FAR, number: 2 });
    for (const slave of ["sae-b", "sae-d", "sae-a2"]) {
      expect((await container(await dec("sae-a", slave, keys))).keys).toEqual(keys);
      expect((await dec("sae-a", slave, keys)).status).toBe(400);
    }
  });

  test("relayed key as the path slave's, with slaves at the master's node and at a neighbour", async () => {
    await stored([N1, N2, N3], 4096);
    await stored([N1, N2], 4096);
    const keys = await enc("sae-d", "sae-a", { additional_slave_SAE_IDs: ["sae-b", "sae-a2"] });
    expect(shardsOf(keys)).toEqual([ONE_PATH]);
    expect((await dec("sae-a", "sae-b2", keys)).status).toBe(401);
    for (const slave of ["sae-d", "sae-b", "sae-a2"]) {
      expect((await container(await dec("sae-a", slave, keys))).keys).toEqual(keys);
    }
  });

  test("a wish holds for every slave, and the one that it cannot be met for is named", async () => {
    const before = await availableBits("sae-b", "sae-a");
    const response = await ask("sae-b", "sae-a", {
      ...FAR,
      extension_mandatory: [{ qkdedge_route_type: "direct" }],
    });
    expect([response.status, await errorOf(response)]).toEqual([
      400,
      {
        message: "not all extension_mandatory request options could be met",
        details: [
          { extension_mandatory_unmet: "qkdedge_route_type cannot be met" },
          { additional_slave_SAE_ID: "sae-d" },
        ],
      },
    ]);
    expect(await availableBits("sae-b", "sae-a")).toBe(before);
  });

  test("within so many hops, for a neighbour and a node beyond it", async () => {
    const within = { ...FAR, extension_mandatory: [{ qkdedge_max_hops: 2 }] };
    await stored([N1, N2, N3], 4096);
    const keys = await enc("sae-b", "sae-a", within);
    expect(shardsOf(keys)).toEqual([ONE_PATH]);
    for (const slave of ["sae-b", "sae-d", "sae-a2"]) {
      expect((await container(await dec("sae-a", slave, keys))).keys).toEqual(keys);
    }
  });

  test("one that cannot be reached refuses all", async () => {
    const response = await ask("sae-b", "sae-a", { additional_slave_SAE_IDs: ["sae-d", "sae-e"] });
    expect([response.status, await errorOf(response)]).toEqual([
      503,
      { message: expect.any(String) as string, details: [{ relay: expect.any(String) as string }] },
    ]);
  });
});

describe("key streams", () => {
  test("between nodes without a link give both ends the same chunks, and tell the node in between", async () => {
    await stored([N1, N2, N3], 4096);
    const opened = await openAs("sae-a", { destination: "sae-d", QOS: { Key_chunk_size: 32 } });
    expect(opened).toMatchObject({ http: 200, body: { status: 1 } });
    const ksid = String(opened.body["key_stream_ID"]);
    const joined = await openAs("sae-d", { destination: "sae-a", key_stream_ID: ksid });
    expect(joined).toMatchObject({ http: 200, body: { status: 0 } });
    const wish = { index: 0, Metadata_size: 200 };
    const [a, b] = [await keyAs("sae-a", ksid, wish), await keyAs("sae-d", ksid, wish)];
    expect([a.http, b.http, b.body["Key_buffer"]]).toEqual([200, 200, a.body["Key_buffer"]]);
    for (const { body } of [a, b]) expect(JSON.parse(String(body["Metadata"]))).toMatchObject({ hops: 1 });
  });
});

describe("status", () => {
  test("of a relayed pair tells how it would come and what lies there; of a link nothing of the kind", async () => {
    const relayed = await statusOf("sae-d", "sae-a");
    expect(relayed.stored_key_count).toBeGreaterThan(0);
    expect(relayed.status_extension?.["qkdedge"]).toMatchObject({
      link: null,
      source: "relay",
      conserved: true,
      relay: { disjoint_paths: 1 },
      shards: [{ shard: ONE_PATH }],
    });
    expect((await statusOf("sae-b", "sae-a")).status_extension?.["qkdedge"]).not.toHaveProperty("relay");
  });
});
