import { beforeEach, describe, expect, it } from "vitest";
import { LIMITS } from "../../../shared/limits.ts";
import type { Caller } from "./identity.ts";
import { createWatch, type Verdict, type Watch } from "./watch.ts";

/** An edge that knows everybody but some, and is behind or in trouble for some; a clock set by hand. */
let edge: {
  sequence: number;
  refused: Set<string>;
  behind: Set<string>;
  unclear: Set<string>;
  asked: string[];
  atOnce: number;
};
let clock: { nowMs: number };
let watch: Watch;
let closed: string[];
let underWay: number;
beforeEach(() => {
  edge = { sequence: 1, refused: new Set(), behind: new Set(), unclear: new Set(), asked: [], atOnce: 0 };
  clock = { nowMs: 1_000_000 };
  closed = [];
  underWay = 0;
  watch = createWatch(ask, () => clock.nowMs);
});

async function ask({ fingerprint, node }: Caller): Promise<Verdict> {
  edge.asked.push(`${fingerprint}@${node}`);
  edge.atOnce = Math.max(edge.atOnce, (underWay += 1));
  await Promise.resolve();
  underWay -= 1;
  if (edge.unclear.has(fingerprint)) return "unclear";
  if (edge.refused.has(fingerprint)) return "refused";
  return edge.behind.has(fingerprint) ? edge.sequence - 1 : edge.sequence;
}
const callerOf = (fingerprint: string, node = "tn-1", notAfterMs = Number.POSITIVE_INFINITY): Caller =>
  ({ fingerprint, node, notAfterMs }) as Caller;

/** Opens a connection that closes when told to. @returns how its client closes it */
function open(fingerprint: string, node?: string, notAfterMs?: number): () => void {
  const leave = watch.enter(callerOf(fingerprint, node, notAfterMs), () => {
    closed.push(fingerprint);
    leave();
  });
  return leave;
}
async function askedInNextLook(): Promise<string[]> {
  clock.nowMs += LIMITS.frontWatchMs;
  edge.asked = [];
  await watch.look();
  return edge.asked;
}
const manyPass = (): void => void (clock.nowMs += LIMITS.frontStrangerMs);

describe("what the edge is asked", () => {
  it("nothing while nobody is there", async () => {
    expect(await askedInNextLook()).toEqual([]);
    open("a")();
    expect(await askedInNextLook()).toEqual([]);
  });

  it("each certificate once, however many its connections; afterwards one in turn while nothing changes", async () => {
    for (const who of ["a", "b", "a", "c", "b"]) open(who);
    expect((await askedInNextLook()).toSorted()).toEqual(["a@tn-1", "b@tn-1", "c@tn-1"]);
    const turns = [await askedInNextLook(), await askedInNextLook(), await askedInNextLook()];
    expect(turns.map(({ length }) => length)).toEqual([1, 1, 1]);
    expect(turns.flat().toSorted()).toEqual(["a@tn-1", "b@tn-1", "c@tn-1"]);
  });

  it("all of them when something changed, and a newcomer besides", async () => {
    for (const who of ["a", "b"]) open(who);
    await askedInNextLook();
    open("c");
    expect((await askedInNextLook()).toSorted()).toEqual(["a@tn-1", "c@tn-1"]);
    edge.sequence = 2;
    expect((await askedInNextLook()).toSorted()).toEqual(["a@tn-1", "b@tn-1", "c@tn-1"]);
    expect(await askedInNextLook()).toHaveLength(1);
  });

  it("again of those who were answered from an older view than the first one", async () => {
    for (const who of ["a", "b"]) open(who);
    await askedInNextLook();
    edge.sequence = 2;
    edge.behind.add("b");
    expect(await askedInNextLook()).toEqual(["a@tn-1", "b@tn-1"]);
    edge.behind.clear();
    expect(await askedInNextLook()).toEqual(["a@tn-1", "b@tn-1"]);
    expect(await askedInNextLook()).toHaveLength(1);
  });

  it("the same certificate at each node by itself", async () => {
    open("a", "tn-1");
    open("a", "tn-2");
    expect((await askedInNextLook()).toSorted()).toEqual(["a@tn-1", "a@tn-2"]);
  });

  it("few questions at a time, whatever the number of certificates", async () => {
    for (let i = 0; i < 1000; i++) open(`sae-${i}`);
    expect(await askedInNextLook()).toHaveLength(1000);
    expect(edge.atOnce).toBe(LIMITS.frontAsks);
  });

  it("few questions while it is in trouble, and everybody in the end", async () => {
    const names = Array.from({ length: 100 }, (_, i) => `sae-${i}`);
    for (const who of names) open(who);
    edge.unclear = new Set(names);
    expect((await askedInNextLook()).length).toBeLessThanOrEqual(LIMITS.frontAsks);
    edge.unclear = new Set(["sae-0", "sae-50"]);
    const asked = new Set<string>();
    for (let look = 0; look < 10; look++) for (const who of await askedInNextLook()) asked.add(who);
    expect(asked.size).toBe(100);
  });
});

describe("what is closed", () => {
  it("all connections of a refused certificate, no others", async () => {
    for (const who of ["a", "b", "b", "c"]) open(who);
    await askedInNextLook();
    manyPass();
    edge.refused.add("b");
    edge.sequence = 2;
    await askedInNextLook();
    expect(closed).toEqual(["b", "b"]);
  });

  it("in the same look where the one asked first is the one refused, or the only one not", async () => {
    for (const who of ["a", "b", "c"]) open(who);
    await askedInNextLook();
    manyPass();
    edge.refused = new Set(["a", "c"]);
    edge.sequence = 2;
    await askedInNextLook();
    expect(closed.toSorted()).toEqual(["a", "c"]);
  });

  it("nothing upon an answer that tells nothing", async () => {
    open("a");
    await askedInNextLook();
    manyPass();
    edge.unclear.add("a");
    await askedInNextLook();
    expect(closed).toEqual([]);
    edge.unclear.clear();
    edge.refused.add("a");
    await askedInNextLook();
    expect(closed).toEqual(["a"]);
  });

  it("a connection of somebody who never counted, only after its first request had time to be answered", async () => {
    edge.refused.add("stranger");
    open("stranger");
    await askedInNextLook();
    expect(closed).toEqual([]);
    manyPass();
    open("stranger");
    await askedInNextLook();
    expect(closed).toEqual(["stranger"]);
    manyPass();
    await askedInNextLook();
    expect(closed).toEqual(["stranger", "stranger"]);
    expect(await askedInNextLook()).toEqual([]);
  });

  it("what a certificate that ran out holds, without a question", async () => {
    open("a", "tn-1", Date.now() - 1);
    expect(await askedInNextLook()).toEqual([]);
    expect(closed).toEqual(["a"]);
  });
});
