import { expect, test } from "vitest";
import {
  BACK,
  eventually,
  makePair,
  postBoth,
  postedSad,
  type TestNode,
  type TestPair,
  told,
} from "../../test/support/in-workerd-ipsec.ts";
import type { RekeyPhase } from "../../shared/ipsec/types.ts";
import { LIMITS } from "../../shared/limits.ts";

const LIFETIMES = { "sa-lifetime-hard": { time: 600 }, "sa-lifetime-soft": { time: 300 } };

/** A tunnel: an SA each way. */
async function makeTunnel(rekey = true): Promise<TestPair> {
  const pair = await makePair({ rekey });
  const sads = [postedSad("t_300", 300, undefined, LIFETIMES), postedSad("u_301", 301, [...BACK], LIFETIMES)];
  const batches = await postBoth(pair, sads);
  expect(batches.map(told)).toEqual([
    ["installed", "installed"],
    ["installed", "installed"],
  ]);
  return pair;
}

interface Sa extends Record<string, SqlStorageValue> {
  readonly name: string;
  readonly spi: number;
  readonly ksid: string;
}
const sas = async (node: TestNode) => await node.sql<Sa>("SELECT name, spi, ksid FROM entry ORDER BY destination");
const rekeysOf = async ({ one, two }: TestPair) =>
  (await Promise.all([one.status(), two.status()])).map(({ rekeys }) => rekeys.length);
const begin = async (node: TestNode, name = "t_300") => await node.stub.rekey({ principal: "operator:op", name });

/** Past the grace, and past pauses. */
async function overAll(pair: TestPair): Promise<void> {
  await eventually(async () => {
    await pair.one.hurry("rekey");
    expect(await rekeysOf(pair)).toEqual([0, 0]);
  });
}

/** The old SAs are in use at both ends, and nothing of new ones is left. */
async function isAsBefore(pair: TestPair, before: readonly Sa[]): Promise<void> {
  await overAll(pair);
  for (const node of [pair.one, pair.two]) {
    expect(await sas(node)).toEqual(before);
    await eventually(() => expect([...node.agent.host].toSorted()).toEqual(["t_300", "u_301"]));
    expect((await node.status()).entries.map(({ state }) => state)).toEqual(["installed", "installed"]);
    expect(await node.sql("SELECT name FROM entry WHERE rekey IS NOT NULL")).toEqual([]);
  }
}

test("make before break: inbound at both, outbound, and the old ones go after a grace", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  expect((await begin(pair.one)).ok).toBe(true);
  // Both work while the grace lasts.
  await eventually(async () =>
    expect(await pair.one.sql("SELECT phase FROM rekey")).toEqual([{ phase: "delete-old" }]),
  );
  for (const { agent } of [pair.one, pair.two]) {
    expect(agent.host.size).toBe(4);
    const order = agent.errands.flatMap(({ operations }) => operations.map((operation) => operation.do)).slice(2);
    expect(order.toSorted()).toEqual(["create-sad", "hold", "install"]);
    expect(order.at(-1)).toBe("install");
  }
  // Their lifetimes began when the hosts had them, and not when the old ones went.
  await pair.one.sql("UPDATE rekey SET began_ms = began_ms - 60000");
  await overAll(pair);
  for (const { rekeyMs = 0, installedMs = 0 } of (await pair.one.status()).entries)
    expect(rekeyMs - installedMs).toBeLessThanOrEqual(240_000);
  const after = await sas(pair.one);
  expect(await sas(pair.two)).toEqual(after);
  expect(after).toHaveLength(2);
  for (const [at, { name, spi, ksid }] of after.entries()) {
    expect([spi, ksid]).not.toEqual([before[at]?.spi, before[at]?.ksid]);
    expect(ksid).not.toBe(before[at]?.ksid);
    expect(name).toMatch(new RegExp(`^[tu]_${spi}$`));
  }
  for (const { agent } of [pair.one, pair.two])
    await eventually(() => expect([...agent.host].toSorted()).toEqual(after.map(({ name }) => name).toSorted()));
  await eventually(() => expect(pair.audit.filter(({ act }) => act === "ipsec.rekey")).toHaveLength(4));
  // They still answer to the names they were posted by.
  const again = await pair.one.post([postedSad("t_300", 300, undefined, LIFETIMES)]);
  expect(again.entries[0]).toMatchObject({ name: "t_300", state: "installed", unchanged: true });
  expect(await pair.one.remove("sad", "t_300")).toMatchObject({ name: "t_300", state: "deleted" });
  expect(pair.one.agent.host.size).toBe(1);
});

test("at the soft lifetime, or as the host says; the lower node coordinates, whichever is asked", async () => {
  const pair = await makeTunnel();
  const [first] = (await pair.one.status()).entries;
  // Counted from when the host here had it, which may be a little before the other end said the same.
  const softMs = (first?.rekeyMs ?? 0) - (first?.installedMs ?? 0);
  expect([softMs <= 300_000, softMs >= 300_000 - LIMITS.ipsecPeerSilentMs]).toEqual([true, true]);
  await pair.one.hurry("entry");
  await eventually(async () =>
    expect(await pair.two.sql("SELECT coordinates FROM rekey")).toEqual([{ coordinates: 0 }]),
  );
  expect(await pair.one.sql("SELECT coordinates FROM rekey")).toEqual([{ coordinates: 1 }]);
  expect((await pair.one.remove("sad", "t_300"))?.reason).toBe("rekeying");
  await overAll(pair);
  const second = await sas(pair.one);
  const expire = {
    kind: "sadb-expire",
    eventTime: "",
    saName: second[0]?.name ?? "",
    soft: true,
    current: {},
  } as const;
  expect(await pair.two.stub.notified({ notifications: [expire] })).toEqual({ ok: true, value: null });
  await eventually(async () => expect(await pair.one.sql("SELECT 1 AS n FROM rekey")).toHaveLength(1));
  await overAll(pair);
  expect((await sas(pair.one))[0]?.ksid).not.toBe(second[0]?.ksid);
  expect((await pair.two.status()).notifications).toMatchObject([{ notification: expire }]);
  // Hard: it is gone.
  const [third] = await sas(pair.two);
  await pair.two.stub.notified({ notifications: [{ ...expire, saName: third?.name ?? "", soft: false }] });
  expect(await sas(pair.two)).toHaveLength(1);
});

test("not by itself where one end does not say so, but when asked", async () => {
  const pair = await makeTunnel(false);
  expect((await pair.one.status()).entries[0]).not.toHaveProperty("rekeyMs");
  const notification = { kind: "sadb-seq-overflow", eventTime: "", saName: "t_300" } as const;
  await pair.one.stub.notified({ notifications: [notification] });
  expect((await pair.one.status()).alarms).toMatchObject([{ code: "sequence-overflow", subject: "t_300" }]);
  expect(await rekeysOf(pair)).toEqual([0, 0]);
  expect((await begin(pair.two)).ok).toBe(true);
  await overAll(pair);
  expect((await sas(pair.one)).map(({ spi }) => spi)).not.toContain(300);
  expect(await begin(pair.one, "none")).toMatchObject({ ok: false, error: { code: "not-found" } });
});

test.each([
  ["hold", "one"],
  ["create-sad", "two"],
  ["install", "one"],
  ["install", "two"],
] as const)(
  "%s fails at end %s: all is as before at both, with an alarm, and later it is tried again",
  async (what, end) => {
    const pair = await makeTunnel();
    const before = await sas(pair.one);
    pair[end].agent.outcomes.set(what, what === "install" ? "not-held" : "host-refused");
    await begin(pair.one);
    await eventually(async () =>
      expect((await pair.one.status()).alarms).toMatchObject([{ code: "rekey-failed", count: 1 }]),
    );
    await isAsBefore(pair, before);
    pair[end].agent.outcomes.clear();
    await pair.one.hurry("entry");
    await eventually(async () =>
      expect(await pair.one.sql("SELECT phase FROM rekey")).toEqual([{ phase: "delete-old" }]),
    );
    await overAll(pair);
    expect((await pair.one.status()).alarms).toEqual([]);
    expect((await sas(pair.two)).map(({ ksid }) => ksid)).not.toContain(before[0]?.ksid);
  },
);

test("keys that differ are taken back before anything is sent by them", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  pair.one.agent.alwaysOther = true;
  await begin(pair.one);
  await eventually(async () =>
    expect((await pair.one.status()).alarms).toMatchObject([{ code: "rekey-failed", detail: "the keys differ" }]),
  );
  expect([...pair.one.agent.did("install"), ...pair.two.agent.did("install")]).toEqual([]);
  await isAsBefore(pair, before);
});

test("an other end that has no such SA refuses at once; one that does not answer is given up", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  await pair.two.sql("UPDATE entry SET state = 'failed' WHERE spi = 300");
  await begin(pair.one);
  // The agent here waits for the other one, which never comes.
  await eventually(async () => expect(await pair.one.sql("SELECT phase FROM rekey")).toEqual([{ phase: "inbound" }]));
  pair.one.agent.givesUp = true;
  await eventually(async () =>
    expect((await pair.one.status()).alarms).toMatchObject([{ code: "rekey-failed", count: 1 }]),
  );
  await overAll(pair);
  expect(await sas(pair.one)).toEqual(before);
});

test.each<readonly [RekeyPhase, "hold" | "install" | null]>([
  ["inbound", "hold"],
  ["outbound", "install"],
  ["delete-old", null],
])("an object that starts anew in phase %s goes on with it", async (phase, held) => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  pair.one.agent.breakOn = held;
  await begin(pair.one);
  await eventually(async () => expect(await pair.one.sql("SELECT phase FROM rekey")).toEqual([{ phase }]));
  if (held !== null) await eventually(() => expect(pair.one.agent.connected).toBe(false));
  await pair.restart(pair.one);
  pair.one.agent.connected = true;
  await pair.one.ring();
  await overAll(pair);
  for (const node of [pair.one, pair.two]) {
    expect(await sas(node)).toHaveLength(2);
    expect((await sas(node)).map(({ ksid }) => ksid)).not.toContain(before[0]?.ksid);
  }
});

test("an end that hears no more of a rekey takes its part back by itself", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  await begin(pair.one);
  await eventually(async () => expect(await pair.two.sql("SELECT phase FROM rekey")).toEqual([{ phase: "outbound" }]));
  // Both SAs stay: which of them the other end uses is not known.
  await pair.two.hurry("rekey");
  expect((await pair.two.status()).rekeys).toEqual([]);
  expect((await sas(pair.two)).length).toBe(4);
  // Until that one comes back to it: then what it does not have goes here, too.
  await overAll(pair);
  const after = await sas(pair.one);
  expect([after.length, before.length]).toEqual([2, 2]);
  expect(await sas(pair.two)).toEqual(after);
  for (const { agent } of [pair.one, pair.two])
    await eventually(() => expect([...agent.host].toSorted()).toEqual(after.map(({ name }) => name).toSorted()));
});

test("what is taken back is told to the other end for as long as it takes", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  pair.two.agent.outcomes.set("install", "host-refused");
  pair.two.agent.waits = true;
  await begin(pair.one);
  await eventually(async () => expect(await pair.two.sql("SELECT phase FROM rekey")).toEqual([{ phase: "inbound" }]));
  pair.deaf.add(pair.two.id);
  pair.two.agent.waits = false;
  await pair.one.sql("UPDATE rekey SET phase = 'take-back', state = 'new', phase_ms = 0");
  for (let at = 0; at < 3; at++) await pair.one.hurry("rekey");
  expect((await pair.one.status()).rekeys).toMatchObject([{ phase: "take-back" }]);
  pair.deaf.clear();
  await isAsBefore(pair, before);
});

test("nothing is taken back inbound before the other end's outbound is gone, however long its host is away", async () => {
  const pair = await makeTunnel();
  const before = await sas(pair.one);
  // It has made the SA, or not: nobody knows, and then it cannot be asked.
  pair.one.agent.outcomes.set("install", "host-silent").set("delete", "host-unreachable");
  await begin(pair.one);
  await eventually(async () => expect(await pair.one.sql("SELECT phase FROM rekey")).toEqual([{ phase: "take-back" }]));
  await eventually(() => expect(pair.one.agent.did("delete")).toHaveLength(1));
  const [outbound] = pair.one.agent.did("delete");
  await eventually(async () => expect(await pair.two.sql("SELECT state FROM rekey")).toEqual([{ state: "done" }]));
  // Nor by who hears no more of it.
  await pair.two.hurry("rekey");
  await pair.one.hurry("errand");
  expect(pair.two.agent.did("delete")).not.toContain(outbound);
  expect(pair.two.agent.host).toContain(outbound);
  expect((await pair.one.status()).alarms).toMatchObject([{ code: "rekey-failed" }]);
  expect(await begin(pair.one)).toMatchObject({ ok: false, error: { code: "unavailable" } });
  pair.one.agent.outcomes.clear();
  await eventually(async () => {
    await pair.one.hurry("errand");
    expect(pair.one.agent.host).not.toContain(outbound);
  });
  await isAsBefore(pair, before);
});
