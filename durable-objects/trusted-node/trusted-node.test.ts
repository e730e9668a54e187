/** Relays over real pools: a chain, whatever stands in its way, and the ways around. */
import { beforeAll, describe, expect, test } from "vitest";
import { call, container, errorOf, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";

const nodes = ["n1", "n2", "n3", "n4", "n5", "r1", "r2", "r3", "r4"];
const link = (a: string, b: string): NetworkDocumentInput["links"][number] => ({
  id: `${a}-${b}`,
  nodes: [a, b],
  source: "push",
  feed: "one-ended",
  health: "accept",
  key_rate_bps: 0,
});

/** n1 - n2 - n3 - n4; n5 all alone; r1 - r2 - r3 - r4 - r1. */
const NETWORK: NetworkDocumentInput = {
  nodes: nodes.map((id) => ({ id })),
  links: [
    link("n1", "n2"),
    link("n2", "n3"),
    link("n3", "n4"),
    link("r1", "r2"),
    link("r2", "r3"),
    link("r3", "r4"),
    link("r1", "r4"),
  ],
  saes: nodes.map((node) => ({
    id: `sae-${node}`,
    node,
    credentials: [{ type: "token", sha256: tokenSha256(token(`sae-${node}`)) }],
  })),
  operators: [{ id: "op", credentials: [{ type: "token", sha256: tokenSha256(token("op")) }] }],
  policy: {
    key_ttl_s: 3600,
    dec_wait_ms: 0,
    pool: { capacity_bytes: 16 * 1024 * 1024, high_bytes: 1024 * 1024, low_bytes: 4096 },
  },
};

async function fill(id: string, name: string, blocks: number): Promise<void> {
  const [a] = id.split("-");
  for (let block = 0; block < blocks; block++) {
    const pushed = await call(`/api/v1/links/${id}/blocks/${name}:${block * 65536}?node=${a}`, {
      as: "op",
      method: "PUT",
      body: crypto.getRandomValues(new Uint8Array(65536)),
    });
    expect(pushed.status).toBe(201);
  }
}

/** Keys from one node's SAE for another's: what both get is the same. @returns their IDs */
async function exchanged(from: string, to: string, wish: object = {}) {
  const enc = await container(await post(`/api/v1/keys/sae-${to}/enc_keys`, `sae-${from}`, wish));
  const ids = { key_IDs: enc.keys.map(({ key_ID }) => ({ key_ID })) };
  const dec = await container(await post(`/api/v1/keys/sae-${from}/dec_keys`, `sae-${to}`, ids));
  expect(dec.keys).toEqual(enc.keys);
  return ids;
}

beforeAll(async () => {
  await setUp(0, NETWORK);
});

describe("a chain", () => {
  test("keys over three hops, the same at both ends, once", async () => {
    for (const id of ["n1-n2", "n2-n3", "n3-n4"]) await fill(id, "first.bin", 4);
    const ids = await exchanged("n1", "n4", { number: 3 });
    expect((await post("/api/v1/keys/sae-n1/dec_keys", "sae-n4", ids)).status).toBe(400);
  });

  test("nothing leads to a node without links: 503 says so", async () => {
    const refused = await post("/api/v1/keys/sae-n5/enc_keys", "sae-n1", {});
    expect(refused.status).toBe(503);
    expect((await errorOf(refused)).message).toContain("n5");
  });
});

const TWO_PATHS = { extension_mandatory: [{ qkdedge_disjoint_paths: 2 }] };

describe("a ring", () => {
  test("around links without key, until there is no way: 503 names the cut, and heals", async () => {
    await fill("r1-r4", "one.bin", 2);
    await fill("r3-r4", "one.bin", 2);
    await exchanged("r1", "r3");
    const refused = await post("/api/v1/keys/sae-r2/enc_keys", "sae-r4", {});
    expect(refused.status).toBe(503);
    expect((await errorOf(refused)).message).toMatch(/r2/);
    // There are two ways, if not for now: the wish is not refused for good.
    expect((await post("/api/v1/keys/sae-r3/enc_keys", "sae-r1", TWO_PATHS)).status).toBe(503);
    await fill("r2-r3", "one.bin", 2);
    await expect
      .poll(async () => (await post("/api/v1/keys/sae-r2/enc_keys", "sae-r4", {})).status, { timeout: 20_000 })
      .toBe(200);
    await exchanged("r4", "r2");
  });

  test("neighbours whose link has no key get it the other way round", async () => {
    await exchanged("r1", "r2");
    const direct = { extension_mandatory: [{ qkdedge_route_type: "direct" }] };
    expect((await post("/api/v1/keys/sae-r2/enc_keys", "sae-r1", direct)).status).toBe(503);
  });

  test("shares over disjoint paths", async () => {
    await fill("r1-r2", "one.bin", 2);
    await expect
      .poll(async () => {
        return (await post("/api/v1/keys/sae-r3/enc_keys", "sae-r1", TWO_PATHS)).status;
      })
      .toBe(200);
    await exchanged("r3", "r1", TWO_PATHS);
  });

  test("which a chain does not have", async () => {
    const refused = await post("/api/v1/keys/sae-n4/enc_keys", "sae-n1", TWO_PATHS);
    expect([refused.status, (await errorOf(refused)).details]).toEqual([
      400,
      [{ extension_mandatory_unmet: "qkdedge_disjoint_paths cannot be met: between the nodes there is one path" }],
    ]);
  });
});
