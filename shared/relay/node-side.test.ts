import { describe, expect, test, vi } from "vitest";
import { nodes, NOW_MS, relayId, relayTerms, Rig } from "../../test/support/relay-rig.ts";
import { fail } from "../errors/errors.ts";
import type { NodeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { sealFirstHop } from "./hop.ts";
import { NodeSide } from "./node-side.ts";
import type { HopMessage, RelayStep, RelayTerms } from "./types.ts";

const NAMES = nodes("a", "b", "c", "d", "e");
const [A, B, C, D] = NAMES as [NodeId, NodeId, NodeId, NodeId];
const PATH = [A, B, C];

/** What the initiator has, and the step to the first node after it. */
function begun(rig: Rig, terms: RelayTerms) {
  const [from = A, to = B] = terms.path;
  const drawn = rig.links.between(from, to).draw(from, terms);
  if (!drawn.ok) throw new Error(drawn.error.message);
  const sealed = sealFirstHop(terms, drawn.value.draw, drawn.value.bytes);
  if (!sealed.ok) throw new Error(sealed.error);
  const step: RelayStep = { terms, position: 1, message: sealed.value.message };
  return { key: sealed.value.key.slice(), forget: () => drawn.value.bytes.fill(0), step };
}

/** The step to the node after, from an answer. */
async function onward(rig: Rig, { terms, position, message }: RelayStep): Promise<RelayStep> {
  const answer = await rig.side(terms.path[position]).step({ terms, position, message });
  if (!answer.ok || answer.value.outcome !== "onward") throw new Error(JSON.stringify(answer));
  return { terms, position: position + 1, message: answer.value.message };
}

/** As far as the last node, which has not been asked. */
async function atTarget(rig: Rig, terms: RelayTerms) {
  const { key, forget, step: first } = begun(rig, terms);
  let step = first;
  while (step.position < terms.path.length - 1) step = await onward(rig, step);
  return { key, forget, step };
}

const stored = { ok: true, value: { outcome: "stored" } };
const refusedAs = (code: string) => ({ ok: false, error: { code } });

describe("a relay", () => {
  test("comes to the target as it was, over one hop or many; nodes keep nothing of it", async () => {
    for (const path of [[A, B], PATH, NAMES]) {
      const rig = new Rig(NAMES);
      const terms = relayTerms(path);
      const { key, forget, step } = await atTarget(rig, terms);
      expect(await rig.side(path.at(-1)).step(step)).toEqual(stored);
      expect(rig.stored).toMatchObject([
        { node: path.at(-1), terms, block: `relay:${terms.relay}`, relayedBy: { relay: terms.relay, paths: [path] } },
      ]);
      expect(rig.stored[0]?.key).toEqual(key);
      forget();
      expect(rig.unwiped).toEqual([]);
    }
  });

  test("costs a node one draw and one take", async () => {
    const rig = new Rig(NAMES);
    await atTarget(rig, relayTerms(PATH));
    expect(rig.links.handedOut.map(({ to, link }) => `${to} of ${link}`).sort()).toEqual([
      "a of a|b",
      "b of a|b",
      "b of b|c",
    ]);
  });

  test("in shares is held, and stored with the last of them", async () => {
    const rig = new Rig(NAMES);
    const paths = [
      [A, B, C],
      [A, D, C],
    ];
    const shares = await Promise.all(
      paths.map((path, index) => atTarget(rig, relayTerms(path, { share: [index, 2] }))),
    );
    expect(await rig.side(C).step(shares[1]!.step)).toEqual({ ok: true, value: { outcome: "held" } });
    expect(rig.side(C).heldBytes).toBe(48);
    expect(await rig.side(C).step(shares[0]!.step)).toEqual(stored);
    expect(rig.side(C).heldBytes).toBe(0);
    const key = shares[0]!.key.map((byte, i) => byte ^ shares[1]!.key[i]!);
    expect(rig.stored).toMatchObject([{ key, relayedBy: { relay: relayId(1), paths } }]);
    for (const { forget } of shares) forget();
    expect(rig.unwiped).toEqual([]);
  });

  test("shares wait no longer than the relay lasts", async () => {
    const rig = new Rig(NAMES);
    const { step } = await atTarget(rig, relayTerms(PATH, { share: [0, 2] }));
    await rig.side(C).step(step);
    rig.nowMs = step.terms.expiresMs;
    rig.side(C).sweep();
    expect(rig.side(C).heldBytes).toBe(0);
  });
});

const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, i) => (i === 3 ? byte ^ 4 : byte));

describe("refused, with nothing of the key kept", () => {
  type Spoil = (message: HopMessage) => HopMessage;
  test.each<[string, Spoil, string]>([
    ["a changed ciphertext", (message) => ({ ...message, ciphertext: flip(message.ciphertext) }), "forbidden"],
    ["a changed tag", (message) => ({ ...message, tag: flip(message.tag) }), "forbidden"],
    ["a changed draw", (message) => ({ ...message, draw: { ...message.draw, shard: 1 } }), "forbidden"],
    ["a truncated pad", (message) => ({ ...message, ciphertext: message.ciphertext.subarray(1) }), "bad-request"],
    ["a truncated tag", (message) => ({ ...message, tag: message.tag.subarray(1) }), "bad-request"],
    ["another record", (message) => ({ ...message, draw: { ...message.draw, record: 7 } }), "key-not-found"],
    ["another nonce", (message) => ({ ...message, draw: { ...message.draw, nonce: "00" } }), "key-not-found"],
  ])("%s", async (_what, spoil, code) => {
    for (const position of [2, 3]) {
      const rig = new Rig(NAMES);
      const { forget, step: first } = begun(rig, relayTerms([A, B, C, D]));
      let step = first;
      while (step.position < position) step = await onward(rig, step);
      const spoilt = { ...step, message: spoil(step.message) };
      expect(await rig.side(step.terms.path[position]).step(spoilt)).toMatchObject(refusedAs(code));
      const [from] = step.terms.path.slice(position - 1);
      const alarm = { what: "tag-wrong", relay: step.terms.relay, initiator: A, from, position };
      expect(rig.alarms).toEqual(code === "forbidden" ? [alarm] : []);
      forget();
      expect(rig.unwiped).toEqual([]);
      expect(rig.stored).toEqual([]);
    }
  });

  test.each<[string, Partial<RelayTerms>]>([
    ["relay", { relay: relayId(9) }],
    ["expiry", { expiresMs: NOW_MS + 4999 }],
    ["path", { path: [A, D, C] }],
    ["share", { share: [0, 2], shard: 61 }],
  ])("a message of another %s", async (_what, other) => {
    const rig = new Rig(NAMES);
    const { step } = await atTarget(rig, relayTerms(PATH));
    const answer = await rig.side(C).step({ ...step, terms: { ...step.terms, ...other } });
    expect(answer.ok).toBe(false);
    expect(rig.stored).toEqual([]);
  });

  test("draws of two relays the one for the other", async () => {
    const rig = new Rig(NAMES);
    const one = await atTarget(rig, relayTerms(PATH));
    const other = await atTarget(rig, relayTerms(PATH, { relay: relayId(2) }));
    expect(await rig.side(C).step({ ...one.step, message: other.step.message })).toMatchObject(
      refusedAs("key-not-found"),
    );
    expect(await rig.side(C).step({ ...other.step, message: one.step.message })).toMatchObject(
      refusedAs("key-not-found"),
    );
    expect(rig.stored).toEqual([]);
  });

  test("a step that comes again: after its answer, at the same time, and after a crash", async () => {
    const rig = new Rig(NAMES);
    const { step: first } = begun(rig, relayTerms(PATH));
    const twice = await Promise.all([rig.side(B).step(first), rig.side(B).step(first)]);
    expect(twice.map(({ ok }) => ok)).toEqual([true, false]);
    expect(await rig.side(B).step(first)).toMatchObject(refusedAs("conflict"));
    rig.sides.set(B, new NodeSide(rig.portsOf(B)));
    expect(await rig.side(B).step(first)).toMatchObject(refusedAs("key-not-found"));
    expect(rig.links.between(A, B).handedOut).toHaveLength(2);
  });

  test("any step of a relay that was given up, be it before or while the links answer", async () => {
    const rig = new Rig(NAMES);
    const before = await atTarget(rig, relayTerms(PATH));
    expect(await rig.side(C).voidRelay(before.step.terms)).toEqual({ ok: true, value: null });
    expect(await rig.side(C).voidRelay(before.step.terms)).toEqual({ ok: true, value: null });
    expect(await rig.side(C).step(before.step)).toMatchObject(refusedAs("conflict"));
    const during = await atTarget(rig, relayTerms(PATH, { relay: relayId(2) }));
    const answer = rig.side(C).step(during.step);
    await rig.side(C).voidRelay(during.step.terms);
    expect(await answer).toMatchObject(refusedAs("conflict"));
    const held = await atTarget(rig, relayTerms(PATH, { relay: relayId(3), share: [0, 2] }));
    await rig.side(C).step(held.step);
    await rig.side(C).voidRelay(held.step.terms);
    expect(rig.side(C).heldBytes).toBe(0);
    expect(rig.stored).toEqual([]);
  });

  test("what comes late, be it before or while the links answer; to give it up then is no matter", async () => {
    const rig = new Rig(NAMES);
    const early = await atTarget(rig, relayTerms(PATH));
    const late = await atTarget(rig, relayTerms(PATH, { relay: relayId(2) }));
    const answer = rig.side(C).step(early.step);
    rig.nowMs = early.step.terms.expiresMs;
    expect(await answer).toMatchObject(refusedAs("conflict"));
    expect(await rig.side(C).step(late.step)).toMatchObject(refusedAs("bad-request"));
    expect(await rig.side(C).voidRelay(late.step.terms)).toEqual({ ok: true, value: null });
    expect(await rig.side(C).voidRelay({ ...late.step.terms, bytes: 0 })).toMatchObject(refusedAs("bad-request"));
    const beyondMs = rig.nowMs + 2 * LIMITS.relayMs;
    expect(await rig.side(C).voidRelay({ ...late.step.terms, expiresMs: beyondMs })).toMatchObject(
      refusedAs("bad-request"),
    );
  });
});

describe("a relay that its initiator takes back", () => {
  const [of, from] = [relayTerms(PATH), A];
  const { pair, shard, relay } = of;

  test("is taken out of the target's pool, however late, and out of no other node's", async () => {
    const rig = new Rig(NAMES);
    const { step } = await atTarget(rig, of);
    expect(await rig.side(C).step(step)).toEqual(stored);
    rig.sides.set(C, new NodeSide(rig.portsOf(C)));
    rig.nowMs = of.expiresMs + 1;
    for (const node of [B, C]) expect((await rig.side(node).voidRelay(of)).ok).toBe(true);
    expect(rig.takenBack).toEqual([{ node: C, pair, shard, from, relay }]);
  });

  test("while it is on its way into the pool: it is taken out as soon as it is there", async () => {
    const rig = new Rig(NAMES);
    const { step } = await atTarget(rig, of);
    const ports = rig.portsOf(C);
    const [isThere, goesOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const store: typeof ports.store = async (call) => {
      isThere.resolve();
      await goesOn.promise;
      return await ports.store(call);
    };
    const target = new NodeSide({ ...ports, store });
    const answer = target.step(step);
    await isThere.promise;
    await target.voidRelay(of);
    goesOn.resolve();
    expect(await answer).toMatchObject(refusedAs("conflict"));
    expect([rig.stored.length, rig.takenBack.length]).toEqual([1, 2]);
  });

  test("with all that it began: late steps find it given up, those of others go on", async () => {
    const rig = new Rig(NAMES);
    const shares = relayTerms(PATH, { relay: relayId(2), share: [0, 2] });
    const held = await atTarget(rig, shares);
    expect(await rig.side(C).step(held.step)).toEqual({ ok: true, value: { outcome: "held" } });
    const others = await atTarget(rig, relayTerms([B, C], { relay: relayId(3) }));
    expect((await rig.side(C).voidRelays({ pair, shard: shares.shard, from })).ok).toBe(true);
    expect(rig.side(C).heldBytes).toBe(0);
    const other = relayTerms([A, D, C], { relay: relayId(2), share: [1, 2] });
    expect(await rig.side(C).step((await atTarget(rig, other)).step)).toMatchObject(refusedAs("conflict"));
    expect(await rig.side(C).step(others.step)).toEqual(stored);
    expect(rig.takenBack).toEqual([{ node: C, pair, shard: shares.shard, from, relay: null }]);
    for (const wrong of [
      { pair, shard, from: B },
      { pair, shard: 0, from },
      { pair, shard, from: C },
    ]) {
      expect(await rig.side(C).voidRelays(wrong)).toMatchObject(refusedAs("bad-request"));
    }
  });
});

describe("links and pools that do not answer as they should", () => {
  test("the next link's fault is told, and what was taken is wiped", async () => {
    const rig = new Rig(NAMES);
    const { forget, step } = begun(rig, relayTerms(PATH));
    const ports = { ...rig.portsOf(B), drawHop: async () => fail("link-budget", "no more") };
    expect(await new NodeSide(ports).step(step)).toMatchObject(refusedAs("link-budget"));
    forget();
    expect(rig.unwiped).toEqual([]);
  });

  const LINK_SILENT = { ok: false, error: { code: "no-path", message: "the link to c does not answer" } };

  test("a next link that is silent, or waits for its other half for too long, is told of; a late draw is wiped", async () => {
    const rig = new Rig(NAMES);
    const { forget, step } = begun(rig, relayTerms(PATH));
    const silent = { ...rig.portsOf(B), drawHop: async () => fail("unavailable", "the other half does not answer") };
    expect(await new NodeSide(silent).step(step)).toMatchObject(LINK_SILENT);
    const other = begun(rig, relayTerms(PATH, { relay: relayId(2) }));
    const gate = Promise.withResolvers<void>();
    const ports = rig.portsOf(B);
    const times: number[] = [];
    const late = Promise.withResolvers<Uint8Array>();
    const waiting: typeof ports = {
      ...ports,
      timer: (ms) => {
        times.push(ms);
        return { over: Promise.resolve(), cancel: () => undefined };
      },
      drawHop: async (...args) => {
        await gate.promise;
        const drawn = await ports.drawHop(...args);
        if (drawn.ok) late.resolve(drawn.value.bytes);
        return drawn;
      },
    };
    expect(await new NodeSide(waiting).step(other.step)).toMatchObject(LINK_SILENT);
    expect(times).toEqual([LIMITS.relayDrawMs]);
    expect(LIMITS.relayDrawMs).toBeLessThan(LIMITS.relayStepMs);
    gate.resolve();
    const bytes = await late.promise;
    await vi.waitFor(() => expect(bytes.every((byte) => byte === 0)).toBe(true));
    forget();
    other.forget();
    expect(rig.unwiped).toEqual([]);
  });

  test("a draw that throws is a link's that does not answer", async () => {
    const rig = new Rig(NAMES);
    const { step } = begun(rig, relayTerms(PATH));
    const ports = { ...rig.portsOf(B), drawHop: () => Promise.reject(new Error("broken")) };
    expect(await new NodeSide(ports).step(step)).toMatchObject(LINK_SILENT);
  });

  test.each(["takeHop", "store"] as const)("a %s that throws is no answer", async (member) => {
    const rig = new Rig(NAMES);
    const { forget, step } = member === "store" ? await atTarget(rig, relayTerms(PATH)) : begun(rig, relayTerms(PATH));
    const node = step.terms.path[step.position] ?? B;
    const ports = { ...rig.portsOf(node), [member]: () => Promise.reject(new Error("broken")) };
    expect(await new NodeSide(ports).step(step)).toMatchObject(refusedAs("unavailable"));
    forget();
    expect(rig.unwiped).toEqual([]);
  });

  test("bits of another length are an alarm", async () => {
    const rig = new Rig(NAMES);
    const { step } = begun(rig, relayTerms(PATH));
    const short = new Uint8Array(7).fill(1);
    const ports = { ...rig.portsOf(B), takeHop: async () => ({ ok: true, value: short }) as const };
    expect(await new NodeSide(ports).step(step)).toMatchObject(refusedAs("internal"));
    expect(rig.alarms).toMatchObject([{ what: "bits-wrong", from: A, position: 1 }]);
    expect(short).toEqual(new Uint8Array(7));
  });

  test("a node is at so many relays at once, and free again after them", async () => {
    const rig = new Rig(NAMES);
    const most = LIMITS.relayStepsBytes / LIMITS.relayBytes;
    const gate = Promise.withResolvers<void>();
    const ports = rig.portsOf(B);
    const takeHop: typeof ports.takeHop = async (...args) => {
      await gate.promise;
      return ports.takeHop(...args);
    };
    let draws = 0;
    const drawHop: typeof ports.drawHop = async (...args) =>
      (draws += 1) > most ? ports.drawHop(...args) : fail("link-budget", "no more");
    const side = new NodeSide({ ...ports, takeHop, drawHop });
    const steps = Array.from({ length: most + 1 }, (_, i): RelayStep => {
      const terms = relayTerms(PATH, { relay: relayId(i + 1), bytes: LIMITS.relayBytes });
      const draw = { shard: 0, record: i, nonce: "00" };
      return { terms, position: 1, message: { draw, ciphertext: new Uint8Array(0), tag: new Uint8Array(16) } };
    });
    const answers = steps.map((step) => side.step(step));
    expect(await answers[most]).toMatchObject({ ok: false, error: { message: "the node is at too many relays" } });
    gate.resolve();
    await Promise.all(answers);
    const { step } = begun(rig, relayTerms(PATH, { relay: relayId(99) }));
    expect((await side.step(step)).ok).toBe(true);
  });
});
