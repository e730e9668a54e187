/** Questions of other deployments: who is heard, who is not, and that nothing else gets through. */
import { beforeAll, describe, expect, test } from "vitest";
import { fail } from "../../shared/errors/errors.ts";
import type { HalfBatch } from "../../shared/keypool/half.ts";
import type { SealedImport } from "../../shared/keypool/sealed-import.ts";
import { LIMITS } from "../../shared/limits.ts";
import { importText } from "../../shared/peers/import-wire.ts";
import { PEER_HEADER } from "../../shared/peers/letter.ts";
import type { CompareCall, RelayStep, TrustedNodeRpc } from "../../shared/relay/types.ts";
import { relayText } from "../../shared/relay/wire.ts";
import { ok } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { pushLink } from "../../test/support/network-document.ts";
import { call, EDGE, errorOf, NETWORK, post, setUp } from "../../test/support/in-workerd-network.ts";
import { type Asking, keysHere, TestPeer } from "../../test/support/in-workerd-peer.ts";

const peer = new TestPeer("r1", 11);
/** In the network document, with other keys than it asks with. */
const stranger = new TestPeer("r2", 12);
const impostor = new TestPeer("r2", 13);
const expelled = new TestPeer("r3", 14);
const nobody = new TestPeer("r9", 15);

const URL_THERE = "https://other.example";

beforeAll(async () => {
  const nodes = await Promise.all([peer, stranger, expelled].map(async (each) => await each.entry(URL_THERE)));
  await setUp(1, {
    ...NETWORK,
    nodes: [...NETWORK.nodes, ...nodes],
    links: [...NETWORK.links, pushLink("n1-r1", "n1", "r1", { health: "accept" })],
  });
});

/** Heard, and known to be refused by the object itself, which is not what these tests are about. */
const WORD = JSON.stringify({ from: "r1", advertisements: [] });
const WORD_TO_N1: Asking = { to: "n1", question: "advertise", body: WORD };

/** What the node's object was asked. */
const asked: { readonly what: string; readonly question: unknown }[] = [];
const node: Partial<TrustedNodeRpc> = {
  step: async (question) => {
    asked.push({ what: "step", question });
    return ok({ outcome: "onward", message: question.message });
  },
  voidRelay: async (question) => {
    asked.push({ what: "void", question });
    return fail("link-budget", "not now");
  },
  compare: async (question) => {
    asked.push({ what: "compare", question });
    return ok({ outcome: "unequal" });
  },
  advertise: async () => {
    throw new Error("the object has gone");
  },
};
const names: string[] = [];
const nodes = {
  TRUSTED_NODE: {
    getByName: (name: string) => {
      names.push(name);
      return node;
    },
  },
} as unknown as Partial<Env>;

const STEP = {
  terms: {
    relay: "0a000000-0000-4000-8000-000000000001",
    pair: "n2|r1",
    shard: 60,
    path: ["r1", "n1", "n2"],
    share: [0, 1],
    bytes: 5,
    expiresMs: 1_800_000_000_000,
  },
  position: 1,
  message: {
    draw: { shard: 0, record: 7, nonce: "00ff" },
    ciphertext: Uint8Array.of(1, 2, 3),
    tag: new Uint8Array(16).fill(9),
  },
} as unknown as RelayStep;

describe("who is heard", () => {
  test("the initiator of a relay that ends here may have the keys compared", async () => {
    const terms = { ...STEP.terms, pair: "n1|r1", path: ["r1", "n2", "n1"], compared: true };
    const question = { terms, challenge: new Uint8Array(16).fill(1), tag: new Uint8Array(16).fill(2) };
    const body = relayText(question as unknown as CompareCall);
    expect(await peer.answer({ to: "n1", question: "compare", body, env: nodes })).toEqual({
      ok: true,
      value: { outcome: "unequal" },
    });
    expect(asked.at(-1)).toEqual({ what: "compare", question });
  });

  test("a remote node gets a signed answer, with bytes as they were", async () => {
    const answer = await peer.answer({ to: "n1", question: "step", body: relayText(STEP), env: nodes });
    expect(asked.at(-1)).toEqual({ what: "step", question: STEP });
    expect(names.at(-1)).toBe("n1");
    expect(answer).toEqual({
      ok: true,
      value: { outcome: "onward", message: JSON.parse(relayText(STEP)).message as unknown },
    });
  });

  test("what the object refuses, or fails at, comes back as a signed fault", async () => {
    const terms = JSON.stringify({ terms: STEP.terms });
    expect(await peer.answer({ to: "n2", question: "void", body: terms, env: nodes })).toEqual({
      ok: false,
      error: { code: "link-budget", message: "not now" },
    });
    expect(await peer.answer({ ...WORD_TO_N1, env: nodes })).toMatchObject({
      ok: false,
      error: { code: "unavailable" },
    });
  });

  test("by the objects of this deployment, too", async () => {
    expect(await peer.answer(WORD_TO_N1)).toHaveProperty("ok");
  });

  test("a question that is none, or another's, is refused in a signed answer", async () => {
    for (const body of ["", "{", "[]", '{"from":"r1"}', "[".repeat(1000)]) {
      expect(await peer.answer({ ...WORD_TO_N1, body })).toMatchObject({ ok: false, error: { code: "bad-request" } });
    }
    const others = JSON.stringify({ from: "r2", advertisements: [] });
    expect(await peer.answer({ ...WORD_TO_N1, body: others })).toMatchObject({
      ok: false,
      error: { code: "forbidden" },
    });
  });
});

const refusedAs = async (asking: Asking, status: number, who = peer) => {
  const before = asked.length;
  const { response } = await who.ask(asking);
  expect(response.status).toBe(status);
  await response.body?.cancel();
  expect(asked.length).toBe(before);
};

describe("who is not", () => {
  test("nobody known, or with other keys", async () => {
    for (const who of [nobody, impostor]) {
      const body = JSON.stringify({ from: who.node, advertisements: [] });
      await refusedAs({ ...WORD_TO_N1, body }, 401, who);
    }
  });

  test("a node that is revoked, as soon as the copy of the network is renewed", async () => {
    const body = JSON.stringify({ from: "r3", advertisements: [] });
    expect(await expelled.answer({ ...WORD_TO_N1, body })).toHaveProperty("ok");
    const revoked = await post("/api/v1/revocations", "op", { kind: "principal", value: "node:r3" });
    expect(revoked.status).toBe(201);
    const statusNow = async () => (await expelled.ask({ ...WORD_TO_N1, body })).response.status;
    await expect.poll(statusNow, { timeout: 30_000 }).toBe(401);
  });

  test("a node hosted here: it has objects to ask by", async () => {
    const hosted = new TestPeer("n2", 11);
    await refusedAs({ ...WORD_TO_N1, body: JSON.stringify({ from: "n2", advertisements: [] }) }, 401, hosted);
  });

  test("whose question was signed for another place, or another time", async () => {
    const { atMs, recipient } = { atMs: Date.now(), recipient: "0".repeat(64) };
    for (const claims of [
      { to: "n2" },
      { question: "half" },
      { recipient },
      { from: "r2" },
      { atMs: atMs - LIMITS.peerSkewMs - 5000 },
      { atMs: atMs + LIMITS.peerSkewMs + 5000 },
    ]) {
      await refusedAs({ ...WORD_TO_N1, claims }, 401);
    }
    expect(await peer.answer({ ...WORD_TO_N1, claims: { atMs: atMs - 20_000 } })).toHaveProperty("ok");
  });

  test("whose body is not the one that was signed", async () => {
    await refusedAs({ ...WORD_TO_N1, sent: `${WORD} ` }, 401);
    await refusedAs({ ...WORD_TO_N1, sent: "" }, 401);
  });

  test("who asks nodes that are not hosted here, or questions that nobody knows", async () => {
    await refusedAs({ ...WORD_TO_N1, to: "n99" }, 404);
    await refusedAs({ ...WORD_TO_N1, to: "r2" }, 404);
    for (const question of ["ask", "refresh", "bringKey", "constructor", "__proto__"]) {
      await refusedAs({ ...WORD_TO_N1, question }, 404);
    }
  });

  test("whose head is missing, malformed or huge", async () => {
    const url = `${EDGE}/api/v1/peers/n1/advertise`;
    const send = async (headers: Record<string, string>) =>
      await call(new URL(url).pathname, { method: "POST", headers });
    const json = { "Content-Type": "application/json" };
    const bare = await send(json);
    expect([bare.status, (await errorOf(bare)).message]).toEqual([400, `header ${PEER_HEADER}: is missing`]);
    for (const text of ["", "{", "{}", "null", "[".repeat(5000), "x".repeat(LIMITS.peerHeadChars + 1)]) {
      expect((await send({ ...json, [PEER_HEADER]: text })).status).toBe(400);
    }
    await refusedAs({ ...WORD_TO_N1, head: (head) => ({ ...head, more: 1 }) }, 400);
    await refusedAs({ ...WORD_TO_N1, head: ({ session, claims }) => ({ session, claims }) }, 400);
  });

  test("who sends another type, or more than a question has", async () => {
    for (const type of ["text/plain", "application/jsonx", "application/x-www-form-urlencoded"]) {
      await refusedAs({ ...WORD_TO_N1, headers: { "Content-Type": type } }, 415);
    }
    expect(
      await peer.answer({ ...WORD_TO_N1, headers: { "Content-Type": "Application/JSON; charset=utf-8" } }),
    ).toHaveProperty("ok");
    await refusedAs({ ...WORD_TO_N1, body: `"${"x".repeat(LIMITS.peerQuestionBytes)}"` }, 413);
    // Of one who is not known the body is not even looked at.
    await refusedAs({ ...WORD_TO_N1, body: `"${"x".repeat(LIMITS.peerQuestionBytes)}"` }, 401, nobody);
  });

  test("anybody, where this deployment has no identity", async () => {
    await refusedAs({ ...WORD_TO_N1, env: { QKD_IDENTITY_SEED: "" } }, 503);
    await refusedAs({ ...WORD_TO_N1, env: { QKD_IDENTITY_SEED: "c2hvcnQ=" } }, 503);
  });
});

const batch = (changes: Partial<HalfBatch> = {}, claims: Asking["claims"] = {}): Asking => ({
  to: "n1",
  question: "half",
  claims,
  body: JSON.stringify({
    pair: "n1|r1",
    shard: 0,
    from: "r1",
    generation: 1,
    settled: 0,
    messages: [],
    wantBytes: 0,
    ...changes,
  }),
});

describe("keys of a multicast", () => {
  const nonce = `${"00".repeat(6)}400080`;
  const where = { pair: "n1|r1", shard: 0, from: "r1", nonce };
  const sealed = {
    ...where,
    master: "sae-r",
    recipients: [{ sae: "s1", node: "n1" }],
    mask: "00".repeat(7),
    keys: 1,
    sizeBytes: 32,
    expiresMs: 1_800_000_000_000,
    draw: { shard: 0, record: 7, nonce },
    drawn: "0a000000-0000-4000-8000-000000000001",
    ciphertext: new Uint8Array(32),
    tag: new Uint8Array(16),
  };
  const imported = (changes: object = {}): Asking => ({
    to: "n1",
    question: "import",
    body: importText({ ...sealed, ...changes } as unknown as SealedImport),
  });

  test("come to pools that there may be, of the two nodes alone, and under pad that was drawn", async () => {
    for (const [changes, code] of [
      [{}, "key-not-found"],
      [{ draw: { ...sealed.draw, shard: 60 } }, "key-not-found"],
      [{ draw: { ...sealed.draw, shard: 5 } }, "bad-request"],
      [{ shard: 59 }, "no-route"],
      [{ shard: 64 }, "no-route"],
      [{ pair: "n2|r1" }, "forbidden"],
      [{ from: "r2" }, "forbidden"],
      [{ keys: 2 }, "bad-request"],
    ] as const) {
      expect([changes, await peer.answer(imported(changes))]).toMatchObject([changes, { ok: false, error: { code } }]);
    }
  });

  test("are taken back, where they never came, too", async () => {
    const asking = { to: "n1", question: "void-import", body: importText(where as unknown as SealedImport) };
    expect(await peer.answer(asking)).toEqual({ ok: true, value: null });
  });
});

describe("the halves of a pool", () => {
  test("only pools that there are are woken", async () => {
    for (const shard of [1, 59, 64, 1e9]) {
      expect(await peer.answer(batch({ shard }))).toMatchObject({ ok: false, error: { code: "no-route" } });
    }
    const body = JSON.stringify({ ...(JSON.parse(batch().body) as object), pair: "n1|r2", from: "r2" });
    expect(await stranger.answer({ ...batch(), body })).toMatchObject({ ok: false, error: { code: "no-route" } });
  });

  test("the pool takes in what its other half tells, each message once, and yields what is asked for once", async () => {
    const pushed = await call("/api/v1/links/n1-r1/blocks/common?node=n1", {
      as: "op",
      method: "PUT",
      body: crypto.getRandomValues(new Uint8Array(65_536)),
    });
    expect(pushed.status).toBe(201);
    const taken = { seq: 1, message: { kind: "taken", block: "common", bytes: 65_536 } } as const;
    const first = { ok: true, value: { applied: 1, refused: [], yieldedBytes: 0 } };
    const told = batch({ messages: [taken as unknown as HalfBatch["messages"][number]] });
    expect(await peer.answer(told)).toEqual(first);
    expect(await peer.answer(told)).toEqual(first);

    const atMs = Date.now();
    const asking = batch({ settled: 1, wantBytes: 4096 });
    const yielded = { ok: true, value: { applied: 1, refused: [], yieldedBytes: expect.any(Number) as number } };
    const answer = (await peer.answer({ ...asking, claims: { atMs } })) as typeof first;
    expect(answer).toEqual(yielded);
    expect(answer.value.yieldedBytes).toBeGreaterThanOrEqual(4096);
    // Somebody has kept the question and asks it again.
    expect(await peer.answer({ ...asking, claims: { atMs } })).toEqual(first);
  });
});

describe("the identity of a node", () => {
  test("is told to operators, in the words of the network document", async () => {
    const response = await call("/api/v1/nodes/n1/identity", { as: "op" });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      node: "n1",
      ed25519: (await keysHere("n1")).ed25519,
      ml_dsa_65: (await keysHere("n1")).mlDsa65,
    });
  });

  test("is nobody else's business, and none of a node hosted elsewhere", async () => {
    for (const who of ["sae-a", "agent-1"]) {
      expect((await call("/api/v1/nodes/n1/identity", { as: who })).status).toBe(403);
    }
    for (const id of ["r1", "n99"]) expect((await call(`/api/v1/nodes/${id}/identity`, { as: "op" })).status).toBe(404);
  });
});
