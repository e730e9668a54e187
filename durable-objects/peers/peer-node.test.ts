/** Asking a node of another deployment: what is believed of what comes back, and what is sent at all. */
import { env } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { NodeId, PairName } from "../../shared/ids.ts";
import type { HalfBatch } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { RemoteNode } from "../../shared/network/relay-view.ts";
import { type Answer, PEER_HEADER, type QuestionHead } from "../../shared/peers/letter.ts";
import type { RelayStep } from "../../shared/relay/types.ts";
import { relayText } from "../../shared/relay/wire.ts";
import { TestPeer } from "../../test/support/in-workerd-peer.ts";
import { identitiesOf } from "./identities.ts";
import { peerNode, type PeerReach } from "./peer-node.ts";

const own = env as unknown as Parameters<typeof peerNode>[0];
const there = new TestPeer("r1", 21);
const evil = new TestPeer("r1", 22);
const R1 = "r1" as NodeId;
const URL_THERE = "https://other.example/qkd";

interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly head: QuestionHead;
}
type Reply = (sent: Sent) => Promise<Response>;

const remote = async (url = URL_THERE): Promise<RemoteNode> => ({ url, ...(await there.keys()) });
const BATCH: HalfBatch = {
  pair: "n1|r1" as PairName,
  shard: 60,
  from: "n1" as NodeId,
  generation: 1,
  settled: 0,
  messages: [{ seq: 1, message: { kind: "void", nonce: "00ff" } }],
  wantBytes: 4096,
};
const ANSWER = { applied: 1, refused: [], yieldedBytes: 0 };
const okText = (value: unknown): string => JSON.stringify({ ok: true, value });

/** r1 as this deployment knows it, which answers by `reply`. */
async function peer(reply: Reply, url?: string, reach: Partial<PeerReach> = {}) {
  const sent: Sent[] = [];
  const known = await remote(url);
  const fetch = async (at: string, init: RequestInit): Promise<Response> => {
    const headers = new Headers(init.headers);
    const one = { url: at, init, head: JSON.parse(headers.get(PEER_HEADER) ?? "null") as QuestionHead };
    sent.push(one);
    return await reply(one);
  };
  const view = { remoteOf: (id: string) => (id === "r1" || id === "r2" ? known : undefined) };
  return { node: peerNode(own, view, R1, { fetch, timeoutMs: LIMITS.peerAnswerMs, ...reach }), sent };
}
const signed =
  (body: string, who = there, change: (answer: Answer) => unknown = (answer) => answer): Reply =>
  async ({ head }) =>
    Response.json(change(await who.reply(head, body)));
const codeOf = async (asked: Promise<{ readonly ok: boolean; readonly error?: { readonly code: string } }>) => {
  const answer = await asked;
  return answer.ok ? null : answer.error?.code;
};

const refuse: Reply = async () => {
  throw new Error("nothing is sent");
};

const never: Reply = async ({ init: { signal } }) =>
  await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(new Error("aborted"))));

describe("what is sent", () => {
  test("is one signed question to the node's place", async () => {
    const { node, sent } = await peer(signed(okText(ANSWER)));
    expect(await node.post(BATCH)).toEqual({ ok: true, value: ANSWER });
    expect(sent.map(({ url }) => url)).toEqual([`${URL_THERE}/api/v1/peers/r1/half`]);
    const { init, head } = sent[0]!;
    expect(init).toMatchObject({ method: "POST", redirect: "manual" });
    expect(JSON.parse(new TextDecoder().decode(init.body as Uint8Array))).toEqual(BATCH);
    expect(head.claims).toMatchObject({ from: "n1", to: "r1", question: "half" });
    expect(JSON.stringify(head).length).toBeLessThan(LIMITS.peerHeadChars);
  });

  test("is signed by the same session for a while, and never twice the same", async () => {
    const { node, sent } = await peer(signed(okText(ANSWER)));
    await node.post(BATCH);
    await node.post(BATCH);
    const [first, second] = sent.map(({ head }) => head);
    expect(second?.session).toEqual(first?.session);
    expect(second?.claims.nonce).not.toBe(first?.claims.nonce);
    expect(first?.session.claims.node).toBe("n1");
    expect(await identitiesOf(own)?.signerOf("n1")).toMatchObject({ session: first?.session });
  });

  test("brings bytes there and back", async () => {
    const message = {
      draw: { shard: 0, record: 3, nonce: "ff" },
      ciphertext: Uint8Array.of(0, 255, 7),
      tag: new Uint8Array(16),
    };
    const path = ["n1", "r1", "n2"];
    const terms = { relay: "r", pair: "n1|n2", shard: 60, path, share: [0, 1], bytes: 3, expiresMs: 1 };
    const step = { terms, position: 1, message } as unknown as RelayStep;
    const { node } = await peer(signed(`{"ok":true,"value":${relayText({ outcome: "onward", message })}}`));
    expect(await node.step(step)).toEqual({ ok: true, value: { outcome: "onward", message } });
    const { node: other } = await peer(signed(okText(null)));
    expect(await other.voidRelay({ terms: step.terms })).toEqual({ ok: true, value: null });
    expect(await other.advertise({ from: "n1" as NodeId, advertisements: [] })).toEqual({ ok: true, value: null });
  });

  test("is nothing where there is nobody, no way, or nothing to prove it by", async () => {
    for (const url of ["http://other.example", "ftp://other.example", "other.example", "https://a:b@other.example"]) {
      const { node, sent } = await peer(refuse, url);
      expect([await codeOf(node.post(BATCH)), sent.length]).toEqual(["no-route", 0]);
    }
    const { node, sent } = await peer(refuse);
    const others = { ...BATCH, from: "r2" as NodeId, pair: "r1|r2" as PairName };
    expect([await codeOf(node.post(others)), sent.length]).toEqual(["forbidden", 0]);
    const nowhere = { remoteOf: () => undefined };
    expect(await codeOf(peerNode(own, nowhere, R1).post(BATCH))).toBe("no-route");
    const here = { remoteOf: (id: string) => (id === "r1" ? known : undefined) };
    const known = await remote();
    for (const QKD_IDENTITY_SEED of ["", "c2hvcnQ="]) {
      const answer = await peerNode({ QKD_IDENTITY_SEED }, here, R1).post(BATCH);
      expect(answer).toMatchObject({ ok: false, error: { code: "no-route" } });
      expect(answer.ok ? "" : answer.error.message).toContain("QKD_IDENTITY_SEED");
    }
  });
});

describe("what comes back", () => {
  test("a fault is the node's own word", async () => {
    const { node } = await peer(signed('{"ok":false,"error":{"code":"link-budget","message":"not now"}}'));
    expect(await node.post(BATCH)).toEqual({ ok: false, error: { code: "link-budget", message: "not now" } });
  });

  const forged = (change: (answer: Answer) => unknown) => signed(okText(ANSWER), there, change);
  let kept: Answer | undefined;
  test.each<[string, Reply]>([
    ["signed by other keys", signed(okText(ANSWER), evil)],
    ["of another node", signed(okText(ANSWER), new TestPeer("r2", 21))],
    ["with another body", forged((answer) => ({ ...answer, body: okText({ ...ANSWER, applied: 2 }) }))],
    ["with something added", forged((answer) => ({ ...answer, more: 1 }))],
    ["without its signature", forged(({ session, claims, body }) => ({ session, claims, body }))],
    [
      "to another question",
      async ({ head }) =>
        Response.json(
          (kept ??= await there.reply(
            { ...head, claims: { ...head.claims, nonce: "AAAAAAAAAAAAAAAAAAAAAA==" } },
            okText(ANSWER),
          )),
        ),
    ],
    ["that is the question", async ({ head }) => Response.json(head)],
    ["of another kind of question", signed(okText({ outcome: "stored" }))],
    ["with an unknown code", signed('{"ok":false,"error":{"code":"made-up","message":""}}')],
    ["that is no JSON", async () => new Response("<html>")],
    ["that is no text", async () => new Response(Uint8Array.of(0xff, 0xfe))],
    ["deeply nested", async () => new Response("[".repeat(100_000))],
    ["empty", async () => new Response(null)],
    ["huge", async () => new Response(new Uint8Array(LIMITS.peerAnswerBytes + 1))],
    [
      "that leads elsewhere",
      async () => new Response(null, { status: 307, headers: { Location: "https://evil.example" } }),
    ],
    ["that is an error", async () => new Response("no", { status: 500 })],
    [
      "with another status",
      async ({ head }) => Response.json(await there.reply(head, okText(ANSWER)), { status: 201 }),
    ],
    [
      "that breaks off",
      async () => new Response(new ReadableStream({ start: (stream) => stream.error(new Error("gone")) })),
    ],
    [
      "that never comes",
      async () => {
        throw new TypeError("connection refused");
      },
    ],
  ])("an answer %s is none", async (_, reply) => {
    const { node } = await peer(reply);
    expect(await codeOf(node.post(BATCH))).toBe("unavailable");
  });

  test("nothing, for too long, is none", async () => {
    const { node } = await peer(never, URL_THERE, { timeoutMs: 20 });
    expect(await codeOf(node.post(BATCH))).toBe("unavailable");
  });
});
