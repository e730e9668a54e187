/** What one node does with what it is told. */
import { beforeEach, describe, expect, test } from "vitest";
import type { NodeId, SaeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Advertisement } from "../types.ts";
import { Flood } from "./flood.ts";
import { isSigned, keysOf, linkState, saeOf, signed, START_MS } from "./test-network.ts";
import type { FloodAlarmEvent, FloodNetwork, FloodNode, OutgoingCall, SignedClaim } from "./types.ts";
import { bytesOfAdvertisement } from "./wire.ts";

const [SELF, NEAR, REMOTE, FAR] = ["n-self", "n-near", "n-remote", "n-far"] as NodeId[] as [
  NodeId,
  NodeId,
  NodeId,
  NodeId,
];
let nowMs: number;
let sent: OutgoingCall[];
let alarms: FloodAlarmEvent[];
let stored: number[];
let away: [NodeId, boolean][];
let claims: SignedClaim[];
let verify: (claim: SignedClaim) => Promise<boolean>;
let sign: (bytes: Uint8Array) => Promise<string | null>;

beforeEach(() => {
  nowMs = START_MS;
  [sent, alarms, stored, claims, away] = [[], [], [], [], []];
  verify = async (claim) => isSigned(claim);
  sign = async (bytes) => signed(keysOf(SELF), bytes);
});

const nodeOf = (node: NodeId, isHosted: boolean): [NodeId, FloodNode] => [
  node,
  { isHosted, keys: isHosted ? null : keysOf(node), saes: new Set([saeOf(node)]) },
];
/** This node and one more here; two elsewhere, of which one is a neighbour. */
const NETWORK: FloodNetwork = {
  nodes: new Map([nodeOf(SELF, true), nodeOf(NEAR, true), nodeOf(REMOTE, false), nodeOf(FAR, false)]),
  neighbours: new Set([NEAR, REMOTE]),
};

function flood(network = NETWORK, sequence = 0, isAtRest = false): Flood {
  const ports = {
    send: (call: OutgoingCall) => void sent.push(call),
    sign: async (bytes: Uint8Array) => await sign(bytes),
    verify: async (claim: SignedClaim) => {
      claims.push(claim);
      return await verify(claim);
    },
    storeSequence: (last: number) => void stored.push(last),
    onAlarm: (event: FloodAlarmEvent) => void alarms.push(event),
    random: () => 0,
    onAway: (node: NodeId, isAway: boolean) => void away.push([node, isAway]),
  };
  return new Flood({ self: SELF, network, sequence, isAtRest, ports }, nowMs);
}

/** As its node made it now. */
function word(node: NodeId, changes: Partial<Advertisement> = {}): Advertisement {
  const own = { node, sequence: nowMs, ageMs: 0, links: [], saes: [saeOf(node)], signature: null, ...changes };
  const isRemote = NETWORK.nodes.get(node)?.isHosted === false;
  return {
    ...own,
    signature: changes.signature ?? (isRemote ? signed(keysOf(node), bytesOfAdvertisement(own)) : null),
  };
}

const take = async (to: Flood, from: NodeId, ...advertisements: unknown[]) =>
  await to.receive({ from, advertisements }, nowMs);
const refusal = (reason: string) => ({ ok: true, value: { news: 0, refused: [expect.objectContaining({ reason })] } });
const NEWS = { ok: true, value: { news: 1, refused: [] } };
const KNOWN = { ok: true, value: { news: 0, refused: [] } };
const held = (of: Flood): string[] => of.advertisements(nowMs).map(({ node }) => node);

/** Lets time pass, and answers all calls: gives them back. */
async function pass(of: Flood, forMs: number, isTaken = true): Promise<OutgoingCall[]> {
  const endMs = nowMs + forMs;
  const all: OutgoingCall[] = [];
  for (;;) {
    const calls = sent.splice(0);
    all.push(...calls);
    for (const { to, id } of calls) of.answered(to, id, isTaken, nowMs);
    const next = of.nextMs ?? Infinity;
    if (sent.length > 0) continue;
    if (next > endMs) break;
    nowMs = Math.max(nowMs, next);
    await of.tick(nowMs);
  }
  nowMs = endMs;
  return all;
}
const asked = (calls: OutgoingCall[]) => calls.flatMap(({ to, call }) => (call.has === undefined ? [] : to));
const toldTo = (calls: OutgoingCall[], to: NodeId): string[] =>
  calls.filter((call) => call.to === to).flatMap(({ call }) => call.advertisements.map(({ node }) => node));

describe("calls", () => {
  test("are refused that are none, hold too much, or come from no neighbour", async () => {
    const node = flood();
    const error = async (call: unknown) => expect(await node.receive(call, nowMs)).toMatchObject({ ok: false });
    for (const call of [
      null,
      7,
      {},
      { from: NEAR },
      { from: 1, advertisements: [] },
      { from: NEAR, advertisements: {} },
    ]) {
      await error(call);
    }
    await error({ from: NEAR, advertisements: [], has: [[NEAR, "1"]] });
    expect(await take(node, NEAR, ...Array.from({ length: 300 }))).toEqual({ ok: false, error: "oversized" });
    expect(await take(node, FAR, word(FAR))).toEqual({ ok: false, error: "not-a-neighbour" });
    expect(held(node)).toEqual([]);
  });

  test("of one neighbour are looked at one by one, and only so many of them", async () => {
    const node = flood();
    const { promise, resolve } = Promise.withResolvers<boolean>();
    verify = async () => await promise;
    const first = take(node, REMOTE, word(REMOTE));
    expect(await take(node, REMOTE)).toEqual({ ok: false, error: "busy" });
    expect(await take(node, NEAR)).toEqual(KNOWN);
    resolve(true);
    expect(await first).toEqual(NEWS);
    const answers = [];
    for (let i = 0; i < 2 * LIMITS.floodCalls.burst; i++) answers.push((await take(node, NEAR)).ok);
    expect(answers.filter(Boolean).length).toBeLessThanOrEqual(LIMITS.floodCalls.burst);
    nowMs += 1000;
    expect(await take(node, NEAR)).toEqual(KNOWN);
  });

  test("come again where signatures cannot be looked at", async () => {
    const node = flood();
    verify = async () => await Promise.reject(new Error("down"));
    expect(await take(node, REMOTE, word(REMOTE))).toEqual({ ok: false, error: "busy" });
    verify = async (claim) => isSigned(claim);
    expect(await take(node, REMOTE, word(REMOTE))).toEqual(NEWS);
  });
});

describe("advertisements", () => {
  test("one that is no good holds up no other", async () => {
    const node = flood();
    const twice = [linkState("l", FAR), linkState("l", FAR)];
    const bad: [unknown, string][] = [
      [null, "malformed"],
      [{ ...word(NEAR), more: 1 }, "malformed"],
      [word(NEAR, { sequence: 2 ** 52 + 1 }), "malformed"],
      [word(NEAR, { links: twice }), "malformed"],
      [word(NEAR, { links: [linkState("l", NEAR)] }), "malformed"],
      [word(NEAR, { links: [linkState("l", FAR, 0.5)] }), "malformed"],
      [word(NEAR, { saes: ["a\nb" as SaeId] }), "malformed"],
      [word("n-none" as NodeId), "unknown-node"],
      [word(NEAR, { saes: Array.from({ length: 4000 }, (_, i) => `${"a".repeat(20)}${i}` as SaeId) }), "oversized"],
      [word(NEAR, { ageMs: LIMITS.floodMaxAgeMs }), "too-old"],
      [word(NEAR, { sequence: nowMs - LIMITS.floodMaxAgeMs - LIMITS.floodSkewMs }), "too-old"],
      [{ ...word(FAR), signature: null }, "unsigned"],
      [word(FAR, { signature: "AAAA" }), "bad-signature"],
      [word(FAR, { signature: word(REMOTE).signature }), "bad-signature"],
    ];
    const result = await take(node, NEAR, ...bad.map(([each]) => each), word(REMOTE));
    expect(result).toMatchObject({ ok: true, value: { news: 1 } });
    expect(result.ok && result.value.refused.map(({ reason }) => reason)).toEqual(bad.map(([, reason]) => reason));
    expect(held(node)).toEqual([REMOTE]);
  });

  test("of hosted nodes are believed unsigned among hosted nodes, and from nobody else", async () => {
    const node = flood();
    expect(await take(node, REMOTE, word(NEAR))).toEqual(refusal("unsigned"));
    expect(await take(node, REMOTE, word(NEAR, { signature: "AAAA" }))).toEqual(refusal("unverifiable"));
    expect(alarms).toEqual([]);
    expect(await take(node, NEAR, word(NEAR))).toEqual(NEWS);
    // And they are of no use elsewhere.
    expect(toldTo(await pass(node, 1000), REMOTE)).toEqual([]);
  });

  test("a signature is looked at once, however many bring it, and forgeries not for long", async () => {
    const node = flood();
    const far = word(FAR);
    expect(await Promise.all([take(node, NEAR, far), take(node, REMOTE, far)])).toEqual([NEWS, KNOWN]);
    expect(await take(node, NEAR, far)).toEqual(KNOWN);
    expect(claims).toHaveLength(1);
    const forged = Array.from({ length: 40 }, (_, i) => word(FAR, { sequence: nowMs + 1 + i, signature: "AAAA" }));
    const result = await take(node, REMOTE, ...forged);
    expect(result.ok && result.value.refused.at(-1)?.reason).toBe("too-many-forgeries");
    expect(claims).toHaveLength(1 + LIMITS.floodForgeries.burst);
    expect(alarms).toMatchObject([{ code: "advertisement-forged", subject: REMOTE }]);
    expect(await take(node, NEAR, word(FAR, { sequence: nowMs + 1 }))).toEqual(NEWS);
    await pass(node, 2 * LIMITS.floodRefreshMs + LIMITS.floodGreetAgainMs);
    expect(alarms.at(-1)).toMatchObject({ code: "advertisement-forged", detail: null });
  });

  test("the newest counts, and goes on to all but who brought it", async () => {
    const node = flood();
    await pass(node, 1000);
    expect(await take(node, NEAR, word(FAR, { links: [linkState("l", REMOTE)] }))).toEqual(NEWS);
    expect(await take(node, NEAR, word(FAR, { sequence: nowMs - 1 }))).toEqual(KNOWN);
    expect(node.advertisements(nowMs)).toMatchObject([{ node: FAR, links: [{ link: "l" }] }]);
    const calls = await pass(node, 1000);
    expect([toldTo(calls, REMOTE), toldTo(calls, NEAR)]).toEqual([[FAR], []]);
  });

  test("of two with one sequence the same one stays at both ends, and somebody hears of it", async () => {
    const [one, other] = [word(FAR), word(FAR, { links: [linkState("l", REMOTE)] })];
    const [a, b] = [flood(), flood()];
    for (const [node, first, second] of [
      [a, one, other],
      [b, other, one],
    ] as const) {
      await take(node, NEAR, first);
      await take(node, REMOTE, second);
    }
    expect(a.advertisements(nowMs)).toEqual(b.advertisements(nowMs));
    expect(alarms.map(({ code, subject }) => `${code} ${subject}`)).toEqual(
      Array(2).fill(`advertisement-conflict ${FAR}`),
    );
  });

  test("reach their age, are forgotten, and do not come back however new they are said to be", async () => {
    const node = flood();
    const far = word(FAR, { ageMs: 1000 });
    await take(node, NEAR, far);
    await pass(node, LIMITS.floodMaxAgeMs - 1001);
    expect(held(node)).toEqual([FAR]);
    await pass(node, 1);
    expect(held(node)).toEqual([]);
    expect(node.nodeOf(saeOf(FAR))).toBeNull();
    expect(await take(node, REMOTE, { ...far, ageMs: 0 })).toEqual(refusal("too-old"));
    // Nor to one that has forgotten all.
    nowMs += LIMITS.floodSkewMs + 1000;
    expect(await take(flood(), REMOTE, { ...far, ageMs: 0 })).toEqual(refusal("too-old"));
    expect(await take(node, REMOTE, word(FAR))).toEqual(NEWS);
  });

  test("go with their node, and what was believed by old keys goes with the keys", async () => {
    const node = flood();
    await take(node, NEAR, word(FAR), word(REMOTE));
    const [, ...rest] = [...NETWORK.nodes].filter(([id]) => id !== FAR);
    await node.configure({ ...NETWORK, nodes: new Map([nodeOf(SELF, true), ...rest]) }, nowMs);
    expect(held(node)).toEqual([REMOTE]);
    await node.configure(NETWORK, nowMs);
    expect(await take(node, NEAR, word(FAR))).toEqual(NEWS);
    const changed = { isHosted: false, keys: "new", saes: new Set<SaeId>() };
    await node.configure({ ...NETWORK, nodes: new Map([...NETWORK.nodes, [FAR, changed]]) }, nowMs);
    expect(held(node)).toEqual([REMOTE]);
    expect(await take(node, NEAR, word(FAR))).toEqual(refusal("bad-signature"));
  });

  test("long ones take no room from short ones", async () => {
    const ids = Array.from({ length: 1000 }, (_, i) => `n-${i}` as NodeId);
    const nodes = new Map([...NETWORK.nodes, ...ids.map((id) => nodeOf(id, true))]);
    const node = flood({ ...NETWORK, nodes });
    const saes = Array.from({ length: 250 }, (_, i) => `${"a".repeat(200)}${i}` as SaeId);
    const reasons: unknown[] = [];
    for (const id of ids.slice(0, 200)) {
      const result = await take(node, NEAR, word(id, { saes }));
      if (result.ok) reasons.push(result.value.refused[0]?.reason ?? "news");
      nowMs += 50;
    }
    expect(new Set(reasons)).toEqual(new Set(["news", "full"]));
    expect(alarms.some(({ code }) => code === "advertisement-no-room")).toBe(true);
    for (const id of ids.slice(200)) {
      expect(await take(node, NEAR, word(id))).toEqual(NEWS);
      nowMs += 50;
    }
  });
});

describe("SAEs", () => {
  const sae = saeOf(FAR);

  test("count only where the document allows them", async () => {
    const node = flood();
    const saes = [sae, "sae-of-others" as SaeId];
    await take(node, NEAR, word(FAR, { saes }));
    expect([node.nodeOf(sae), node.nodeOf("sae-of-others" as SaeId)]).toEqual([FAR, null]);
    expect(node.advertisements(nowMs)).toMatchObject([{ saes: [sae] }]);
    expect(alarms).toMatchObject([{ code: "sae-not-allowed", subject: FAR }]);
    await take(node, NEAR, word(FAR, { sequence: nowMs + 1 }));
    expect(alarms.at(-1)).toEqual({ code: "sae-not-allowed", subject: FAR, detail: null });
  });

  test("claimed by two nodes are nowhere until one lets go", async () => {
    const both = new Set([sae]);
    const nodes = new Map(
      [...NETWORK.nodes].map(([id, node]) => [id, node.isHosted ? node : { ...node, saes: both }] as const),
    );
    const node = flood({ ...NETWORK, nodes });
    await take(node, NEAR, word(FAR), word(REMOTE, { saes: [sae] }));
    expect(node.nodeOf(sae)).toBeNull();
    expect(node.advertisements(nowMs).flatMap(({ saes }) => saes)).toEqual([]);
    expect(alarms).toMatchObject([{ code: "sae-claimed-twice", subject: sae }]);
    await take(node, NEAR, word(REMOTE, { sequence: nowMs + 1, saes: [] }));
    expect(node.nodeOf(sae)).toBe(FAR);
    expect(alarms.at(-1)).toEqual({ code: "sae-claimed-twice", subject: sae, detail: null });
  });
});

const state = (bits: number) => ({ links: [linkState("l", NEAR, bits)], saes: [saeOf(SELF)] });

describe("what a node says of itself", () => {
  test("goes out signed, its sequence stored before", async () => {
    const node = flood(NETWORK, START_MS + 500);
    await node.announce(state(64), nowMs);
    expect(stored).toEqual([START_MS + 501]);
    const calls = await pass(node, 1000);
    expect([toldTo(calls, NEAR), toldTo(calls, REMOTE)]).toEqual([[SELF], [SELF]]);
    const [own] = node.advertisements(nowMs);
    expect(own?.signature).toBe(own === undefined ? "" : signed(keysOf(SELF), bytesOfAdvertisement(own)));
  });

  test("is made again when it is worth it: at once where a link has run dry, less often for levels, not for little", async () => {
    const node = flood();
    await node.announce(state(4096), nowMs);
    const madeAfter = async (bits: number): Promise<number> => {
      const [count, startMs] = [stored.length, nowMs];
      await node.announce(state(bits), nowMs);
      while (stored.length === count) await pass(node, 1);
      return nowMs - startMs;
    };
    expect(await madeAfter(0)).toBeLessThanOrEqual(LIMITS.floodIntervalMs + 1);
    expect(await madeAfter(1 << 20)).toBeGreaterThan(LIMITS.floodIntervalMs);
    await pass(node, 5000);
    expect(await madeAfter(1)).toBeLessThanOrEqual(1);
    await pass(node, 5000);
    await node.announce(state(1), nowMs);
    const refresh = stored.length;
    await pass(node, LIMITS.floodRefreshMs - 10_000);
    expect(stored).toHaveLength(refresh);
    await pass(node, 10_000);
    expect(stored).toHaveLength(refresh + 1);
  });

  test("is above whatever others hold of it", async () => {
    const node = flood();
    await node.announce(state(64), nowMs);
    const other = word(SELF, { sequence: nowMs + 1000 });
    expect(await take(node, NEAR, other)).toEqual(KNOWN);
    await pass(node, LIMITS.floodIntervalMs);
    expect(node.advertisements(nowMs)).toMatchObject([
      { node: SELF, sequence: nowMs - LIMITS.floodIntervalMs + 1001, links: [{}] },
    ]);
    expect(alarms).toMatchObject([{ code: "advertisement-conflict", subject: SELF }]);
  });

  test("is signed again later where it could not be, and once there is somebody to sign for", async () => {
    const here = new Map([...NETWORK.nodes].filter(([, { isHosted }]) => isHosted));
    sign = async () => await Promise.reject(new Error("down"));
    const node = flood({ nodes: here, neighbours: new Set([NEAR]) });
    await node.announce(state(64), nowMs);
    expect(held(node)).toEqual([]);
    sign = async () => null;
    await pass(node, 2000);
    expect(node.advertisements(nowMs)).toMatchObject([{ node: SELF, signature: null }]);
    sign = async (bytes) => signed(keysOf(SELF), bytes);
    await node.configure(NETWORK, nowMs);
    expect(toldTo(await pass(node, 1000), REMOTE)).toEqual([SELF]);
  });
});

describe("neighbours", () => {
  test("two that begin at once are done after a few calls", async () => {
    const node = flood();
    await node.announce({ links: [], saes: [] }, nowMs);
    await node.receive({ from: NEAR, advertisements: [], has: [] }, nowMs);
    const calls = await pass(node, 5000);
    expect(calls.filter(({ to }) => to === NEAR).length).toBeLessThanOrEqual(3);
    expect(calls.filter(({ call }) => call.has !== undefined)).toHaveLength(2);
  });

  test("that do not answer get it again, as often after minutes; a late answer counts", async () => {
    const node = flood();
    await pass(node, 2 * LIMITS.floodGreetAgainMs);
    await take(node, NEAR, word(FAR));
    const times: number[] = [];
    const ids: number[] = [];
    const startMs = nowMs;
    while (nowMs < startMs + 400_000) {
      for (const { to, id } of sent.splice(0)) {
        if (to !== REMOTE) node.answered(to, id, true, nowMs);
        else {
          times.push(nowMs - startMs);
          ids.push(id);
        }
      }
      nowMs = Math.max(nowMs + 1, node.nextMs ?? Infinity);
      await node.tick(nowMs);
    }
    const pauses = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(pauses[0]).toBe(LIMITS.floodCallMs + LIMITS.floodRetryMs);
    expect(Math.max(...pauses)).toBe(LIMITS.floodCallMs + LIMITS.floodRetryMaxMs);
    expect(away).toEqual([[REMOTE, true]]);
    sent.splice(0);
    node.answered(REMOTE, ids.at(-2) ?? 0, true, nowMs);
    expect(toldTo(await pass(node, 5000), REMOTE)).toEqual([]);
  });

  test("that were away for long are tried at once when they call", async () => {
    for (const end of ["calls", "is heard of"] as const) {
      const node = flood({ ...NETWORK, neighbours: new Set([REMOTE]) });
      away = [];
      await pass(node, 300_000, false);
      if (end === "calls") await take(node, REMOTE, word(REMOTE));
      else node.heard(REMOTE, nowMs);
      const calls = await pass(node, LIMITS.floodPauseMs);
      expect(calls.filter(({ to }) => to === REMOTE).length, end).toBeGreaterThan(0);
      expect(away).toEqual([
        [REMOTE, true],
        [REMOTE, false],
      ]);
    }
  });

  test("of this deployment are asked by a node at rest only once somebody needs to know; others hear of it at once", async () => {
    const node = flood(NETWORK, 0, true);
    expect(asked(await pass(node, 2 * LIMITS.floodGreetAgainMs))).toEqual([REMOTE]);
    node.ask(nowMs);
    node.ask(nowMs);
    expect(asked(await pass(node, 1000))).toEqual([NEAR, REMOTE]);
  });

  test("that are new, or have forgotten, get all there is; that lack little get that", async () => {
    const node = flood({ ...NETWORK, neighbours: new Set([NEAR]) });
    await take(node, NEAR, word(FAR), word(NEAR));
    await pass(node, 1000);
    await node.configure(NETWORK, nowMs);
    expect(toldTo(await pass(node, 1000), REMOTE)).toEqual([FAR]);
    await node.receive({ from: NEAR, advertisements: [], has: [] }, nowMs);
    expect(toldTo(await pass(node, 1000), NEAR)).toEqual([FAR, NEAR]);
    await node.receive({ from: NEAR, advertisements: [], has: [[NEAR, 2 ** 50]] }, nowMs);
    expect(toldTo(await pass(node, 1000), NEAR)).toEqual([FAR]);
  });
});
