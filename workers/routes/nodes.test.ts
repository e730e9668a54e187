/** What operators see of nodes: a chain with relays, a node of another deployment, ways, cuts and alarms. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { signAdvertisement } from "../../durable-objects/trusted-node/advertisement-signatures.ts";
import { call, container, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { TestPeer } from "../../test/support/in-workerd-peer.ts";
import { termsOver } from "../../test/support/in-workerd-relay.ts";
import { pushLink } from "../../test/support/network-document.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { type LinkId, pairName, pairOf } from "../../shared/ids.ts";
import { nodeId, saeId } from "../../shared/network/lookup.ts";
import { TAG_BYTES } from "../../shared/relay/types.ts";
import { bytesOfAdvertisement } from "../../shared/routing/flood/wire.ts";

/** Nobody listens there. */
const URL_OF_R1 = "http://127.0.0.1:9";
const SEED_OF_R1 = 21;
const r1 = new TestPeer("r1", SEED_OF_R1);

/** n1 - n2 - n3 of the support's network, and n4 far off; r1, of another deployment, at n3. */
beforeAll(async () => {
  await setUp(2, {
    ...NETWORK,
    nodes: [...NETWORK.nodes, { id: "n4" }, await r1.entry(URL_OF_R1, ["sae-r"])],
    links: [
      ...NETWORK.links.map((link) => ({ ...link, health: "accept" as const })),
      pushLink("n3-r1", "n3", "r1", { health: "accept" }),
    ],
    policy: { ...NETWORK.policy, pool: { capacity_bytes: 1024 * 1024, high_bytes: 512 * 1024, low_bytes: 4096 } },
    operators: [
      ...NETWORK.operators,
      {
        id: "reader",
        credentials: [{ type: "token", sha256: tokenSha256(token("reader")), scopes: ["nodes.read"] }],
      },
    ],
  });
  const pushed = await call("/api/v1/links/n2-n3/blocks/setup.bin:0?node=n2", {
    as: "op",
    method: "PUT",
    body: crypto.getRandomValues(new Uint8Array(65536)),
  });
  expect(pushed.status).toBe(201);
});

const read = async (path: string, as = "op") => await call(`/api/v1/nodes${path}`, { as });
const clear = async (path: string, as = "op") => await call(`/api/v1/nodes/${path}`, { as, method: "DELETE" });
const body = async (path: string): Promise<Record<string, unknown>> => {
  const answer = await read(path);
  expect(answer.status).toBe(200);
  return await answer.json();
};

describe("who may", () => {
  test("look: operators, by tokens made for it too; nobody else", async () => {
    for (const path of ["", "/n1", "/n1/routes/n3"]) {
      for (const as of ["op", "reader"]) expect((await read(path, as)).status).toBe(200);
      for (const as of ["agent-1", "sae-a"]) expect((await read(path, as)).status).toBe(403);
      expect((await call(`/api/v1/nodes${path}`)).status).toBe(401);
    }
  });

  test("clear: operators, of nodes hosted here, by a code there is", async () => {
    for (const as of ["reader", "agent-1", "sae-a"]) {
      expect((await clear("n1/alarms/relay-forged", as)).status).toBe(403);
    }
    expect((await clear("n1/alarms/twin-missing")).status).toBe(404);
    expect((await clear("r1/alarms/relay-forged")).status).toBe(404);
    expect((await clear("n9/alarms/relay-forged")).status).toBe(404);
    const cleared = await clear("n1/alarms/relay-forged");
    expect([cleared.status, await cleared.json()]).toEqual([200, { cleared: 0 }]);
  });
});

test("the list has every node, and who hosts it", async () => {
  expect(await body("")).toEqual({
    nodes: [
      { node: "n1", hosted: true, url: null, saes: 2, neighbours: ["n2"] },
      { node: "n2", hosted: true, url: null, saes: 3, neighbours: ["n1", "n3"] },
      { node: "n3", hosted: true, url: null, saes: 1, neighbours: ["n2", "r1"] },
      { node: "n4", hosted: true, url: null, saes: 0, neighbours: [] },
      { node: "r1", hosted: false, url: URL_OF_R1, saes: 1, neighbours: ["n3"] },
    ],
  });
});

let sequence = Date.now();
/** r1 says to n3 which SAEs it has, signed by the keys that the network document has of it. */
async function hearOfR1(...saes: readonly string[]): Promise<void> {
  sequence += 1;
  const state = { link: "n3-r1" as LinkId, peer: nodeId("n3"), availableBits: 0, keyRateBps: 0, qber: null };
  const said = { node: nodeId("r1"), sequence, ageMs: 0, links: [state], saes: saes.map((sae) => saeId(sae)) };
  const secrets = { QKD_IDENTITY_SEED: toBase64(new Uint8Array(32).fill(SEED_OF_R1)) };
  const signature = await signAdvertisement(secrets, said.node, bytesOfAdvertisement({ ...said, signature: null }));
  const question = JSON.stringify({ from: "r1", advertisements: [{ ...said, signature }] });
  expect(await r1.answer({ to: "n3", question: "advertise", body: question })).toMatchObject({ ok: true });
}

/** A step from n1 to n2 whose bits are the link's, and whose tag is not. */
async function forgedStep() {
  const { KEY_POOL, TRUSTED_NODE } = env as unknown as ObjectsEnv;
  const ends = { from: nodeId("n1"), to: nodeId("n2") };
  const terms = termsOver(ends, {
    path: [ends.from, ends.to, nodeId("n3")],
    pair: pairName(pairOf(ends.from, nodeId("n3"))),
  });
  const drawn = await KEY_POOL.getByName("n1|n2#0").drawHop({ configVersion: 1, node: ends.from, terms });
  if (!drawn.ok) throw new Error(drawn.error.message);
  const message = { draw: drawn.value.draw, ciphertext: new Uint8Array(0), tag: new Uint8Array(TAG_BYTES) };
  return await TRUSTED_NODE.getByName("n2").step({ terms, position: 1, message });
}

/** In the audit log of n2. */
async function actsOnForgery() {
  const log = await call("/api/v1/audit?node=n2", { as: "op" });
  const { records } = await log.json<{ records: { act: string; who: string; detail: { code?: string } }[] }>();
  return records.filter(({ detail }) => detail.code === "relay-forged").map(({ act, who }) => [act, who]);
}

test("alarms of a node are told in full, cleared, and both is audited", async () => {
  expect(await forgedStep()).toMatchObject({ ok: false, error: { code: "forbidden" } });
  expect(await body("/n2")).toMatchObject({
    alarms: [
      { code: "relay-forged", subject: "n1", count: 1, meaning: expect.stringContaining("wrong tag") as string },
    ],
  });
  const cleared = await clear("n2/alarms/relay-forged");
  expect([cleared.status, await cleared.json()]).toEqual([200, { cleared: 1 }]);
  expect(await body("/n2")).toMatchObject({ alarms: [] });
  await expect.poll(actsOnForgery, { timeout: 20_000 }).toEqual([
    ["alarm.raised", "system"],
    ["alarm.cleared", "operator:op"],
  ]);
});

describe("a node", () => {
  test("after a relay: its links' levels, what it hears, what it did", async () => {
    await container(await post("/api/v1/keys/sae-d/enc_keys", "sae-a", {}));
    await expect
      .poll(async () => await body("/n1"), { timeout: 20_000 })
      .toMatchObject({
        node: "n1",
        hosted: true,
        relay_enabled: true,
        links: [
          { link: "n1-n2", peer: "n2", usable: true, problem: null, available_bits: expect.any(Number) as number },
        ],
        heard: [
          { node: "n2", hosted: true, links: 2, saes: 3, signed: true },
          { node: "n3", hosted: true, links: 2, saes: 1 },
        ],
        not_heard: [
          { node: "n4", hosted: true },
          { node: "r1", hosted: false },
        ],
        alarms: [],
      });
    const { relays } = (await body("/n1")) as { relays: { keys: { begun: number; done: number } } };
    expect(relays.keys.done).toBeGreaterThan(0);
    const between = (await body("/n2")) as { relays: { steps: { done: number } } };
    expect(between.relays.steps.done).toBeGreaterThan(0);
  });

  test("says of a link why no relay takes it: here, nothing is heard of the other end", async () => {
    const { links } = (await body("/n3")) as { links: object[] };
    expect(links).toContainEqual(
      expect.objectContaining({ link: "n3-r1", peer: "r1", usable: false, problem: "peer-not-heard" }),
    );
  });

  test("counts what failed, and goes around it", async () => {
    // More than the links have: whichever runs dry first.
    const wish = { number: 128, size: 4096 };
    const refused = await post("/api/v1/keys/sae-d/enc_keys", "sae-a", wish);
    expect([refused.status, await refused.text()]).toEqual([503, expect.any(String)]);
    const { relays, avoided } = (await body("/n1")) as {
      relays: { keys: { failed: Record<string, number> }; troubles: Record<string, number> };
      avoided: object[];
    };
    expect(Object.keys(relays.keys.failed).length).toBeGreaterThan(0);
    expect(Object.keys(relays.troubles).length).toBeGreaterThan(0);
    for (const each of avoided) expect(each).toMatchObject({ left_ms: expect.any(Number) as number });
  });

  test("elsewhere: what a node here has heard of it, its neighbour asked first", async () => {
    const elsewhere = { node: "r1", hosted: false, url: URL_OF_R1, asked: "n3" };
    expect(await body("/r1")).toEqual({ ...elsewhere, heard: null });
    await hearOfR1("sae-r");
    expect(await body("/r1")).toMatchObject({ ...elsewhere, heard: { sequence, links: 1, saes: 1, signed: true } });
    expect(await body("/n3")).toMatchObject({ heard: [{ node: "n1" }, { node: "n2" }, { node: "r1", hosted: false }] });
  });

  test("whose alarms were cleared raises them again, if it goes on", async () => {
    const notAllowed = { code: "sae-not-allowed", subject: "r1" };
    await hearOfR1("sae-r", "sae-x");
    expect(await body("/n3")).toMatchObject({ alarms: [{ ...notAllowed, detail: "1 SAEs, among them sae-x" }] });
    expect(await (await clear("n3/alarms/sae-not-allowed")).json()).toEqual({ cleared: 1 });
    expect(await body("/n3")).toMatchObject({ alarms: [] });
    await hearOfR1("sae-r", "sae-x", "sae-y");
    expect(await body("/n3")).toMatchObject({ alarms: [{ ...notAllowed, detail: "2 SAEs, among them sae-x" }] });
    await hearOfR1("sae-r");
    expect(await body("/n3")).toMatchObject({ alarms: [] });
  });

  test("that is not there: 404", async () => {
    expect((await read("/n9")).status).toBe(404);
  });
});

describe("a route", () => {
  test("has nodes, links and hops; of one that is not there, the cut", async () => {
    expect(await body("/n3/routes/n2")).toMatchObject({
      from: "n3",
      to: "n2",
      disjoint_paths: 1,
      paths: [{ nodes: ["n3", "n2"], links: ["n2-n3"], hops: 1, cost: 1 }],
      cut: [],
      custody: "within-deployment",
    });
    const apart = { paths: [], cut: ["no links between them"], custody: "within-deployment" };
    expect(await body("/n1/routes/n4")).toMatchObject(apart);
    expect(await body("/n3/routes/r1")).toMatchObject({
      paths: [],
      cut: ["link n3-r1 (no key for relays)"],
    });
    expect(await body("/n1/routes/n3?disjoint_paths=2")).toMatchObject({ disjoint_paths: 2, paths: [] });
  });

  test("is asked of nodes here, to nodes there are, for as many paths as there may be", async () => {
    expect((await read("/r1/routes/n1")).status).toBe(404);
    expect((await read("/n1/routes/n9")).status).toBe(404);
    expect((await read("/n1/routes/n1")).status).toBe(400);
    const refused = await read("/n1/routes/n3?disjoint_paths=5");
    expect([refused.status, (await errorOf(refused)).message]).toEqual([400, expect.stringContaining("1..4")]);
  });
});
