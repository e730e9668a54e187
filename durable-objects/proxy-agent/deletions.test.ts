import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import {
  BACK,
  eventually,
  makePair,
  postBoth,
  postedSad,
  postedSpd,
  told,
} from "../../test/support/in-workerd-ipsec.ts";

test("what is known goes, and is forgotten; what is not known goes at the host all the same", async () => {
  const pair = await makePair();
  await postBoth(pair, [postedSad("s", 300)]);
  expect(await pair.one.remove("sad", "s")).toEqual({ kind: "sad", name: "s", state: "deleted" });
  expect(await pair.one.remove("sad", "s")).toMatchObject({ state: "deleted" });
  expect(pair.one.agent.did("delete")).toEqual(["s", "s"]);
  expect((await pair.one.status()).entries).toEqual([]);
  // And may come again, with a fresh key.
  await pair.two.remove("sad", "s");
  expect((await postBoth(pair, [postedSad("s", 300)])).map(told)).toEqual([["installed"], ["installed"]]);
});

test("one that the host keeps is as it was", async () => {
  const pair = await makePair();
  await pair.one.post([postedSpd("p")]);
  pair.one.agent.outcomes.set("delete:p", "host-unreachable");
  expect(await pair.one.remove("spd", "p")).toMatchObject({ state: "failed", reason: "host-unreachable" });
  expect((await pair.one.status()).entries).toMatchObject([{ name: "p", state: "installed" }]);
});

test("one of which nobody knows whether it is still there is deleted for as long as that takes", async () => {
  const pair = await makePair();
  await pair.one.post([postedSpd("p")]);
  pair.one.agent.outcomes.set("delete:p", "host-silent");
  expect(await pair.one.remove("spd", "p")).toMatchObject({ state: "failed", reason: "host-silent" });
  expect((await pair.one.status()).entries).toMatchObject([{ name: "p", state: "failed" }]);
  const counts = { entries: 1, failed: 1, rekeys: 0, alarms: [] };
  expect(await pair.one.stub.counts()).toEqual({ ok: true, value: counts });
  pair.one.agent.outcomes.clear();
  await eventually(async () => {
    await pair.one.hurry("errand");
    expect(pair.one.agent.host.size).toBe(0);
  });
});

test("one that was made meanwhile and cannot be deleted goes later; one that was not made is not looked for", async () => {
  const pair = await makePair();
  const { agent } = pair.one;
  agent.waits = true;
  agent.outcomes.set("delete:p", "host-unreachable").set("create-spd:q", "host-refused");
  await pair.one.post([postedSpd("p"), postedSpd("q")], 0);
  const removed = [pair.one.remove("spd", "p"), pair.one.remove("spd", "q")];
  await eventually(async () =>
    expect(await pair.one.sql("SELECT 1 AS n FROM entry WHERE state = 'deleting'")).toHaveLength(2),
  );
  agent.waits = false;
  expect(await Promise.all(removed)).toMatchObject([{ reason: "host-unreachable" }, { state: "deleted" }]);
  expect([...agent.host]).toEqual(["p"]);
  agent.outcomes.clear();
  await eventually(async () => {
    await pair.one.hurry("errand");
    expect(agent.host.size).toBe(0);
  });
  expect(agent.did("delete")).not.toContain("q");
});

test("while it is still being made, it is deleted once it is there", async () => {
  const pair = await makePair();
  pair.one.agent.waits = true;
  const posted = await pair.one.post([postedSpd("p")], 10);
  const removed = pair.one.remove("spd", "p");
  expect(told(await pair.one.post([postedSpd("p")]))).toEqual(["failed: exists"]);
  pair.one.agent.waits = false;
  expect(await removed).toMatchObject({ state: "deleted" });
  expect(pair.one.agent.host.size).toBe(0);
  const batch = await pair.one.stub.batch({ id: posted.id });
  expect(batch.ok && batch.value.done).toBe(true);
});

test("what is to go and does not is tried for as long as it takes, and stands as an alarm", async () => {
  const pair = await makePair();
  pair.one.agent.outcomes.set("create-sad:s", "host-silent");
  pair.one.agent.outcomes.set("delete:s", "host-unreachable");
  await Promise.all([pair.one.post([postedSad("s", 300)]), pair.two.post([postedSad("s", 300)])]);
  for (let at = 0; at < LIMITS.ipsecDeleteAttempts + 1; at++) await pair.one.hurry("errand");
  await eventually(async () => {
    await pair.one.hurry("errand");
    expect((await pair.one.status()).alarms).toMatchObject([{ code: "not-deleted", subject: "s" }]);
  });
  // One of the same name has to wait until that is done.
  expect(told(await pair.one.post([postedSad("s", 300)]))).toEqual(["failed: exists"]);
  pair.one.agent.outcomes.clear();
  await eventually(async () => {
    await pair.one.hurry("errand");
    expect((await pair.one.status()).alarms).toEqual([]);
  });
  expect(await pair.one.sql("SELECT * FROM errand")).toEqual([]);
});

test("an SA whose lifetime is over is gone without a word of the host, and comes anew at both ends", async () => {
  const pair = await makePair();
  const posted = [postedSad("s", 300, undefined, { "sa-lifetime-hard": { time: 600 } })];
  await postBoth(pair, posted);
  const ksid = async () => (await pair.one.sql<{ ksid: string }>("SELECT ksid FROM entry"))[0]?.ksid;
  const before = await ksid();
  expect((await pair.one.status()).entries[0]).not.toHaveProperty("rekeyMs");
  for (const node of [pair.one, pair.two]) await node.sql("UPDATE entry SET installed_ms = installed_ms - 600000");
  // Before its alarm has rung it does not count as there, either.
  expect(told(await pair.one.post(posted))).toEqual(["failed: exists"]);
  for (const node of [pair.one, pair.two]) {
    await node.hurry("entry");
    expect((await node.status()).entries).toEqual([]);
    // What the host still has of it would be in the way.
    await eventually(async () => expect(await node.sql("SELECT 1 AS n FROM operation")).toEqual([]));
    expect([node.agent.did("delete"), node.agent.host.size]).toEqual([["s"], 0]);
  }
  // Another may have its SPI; and its name.
  expect((await postBoth(pair, posted)).map(told)).toEqual([["installed"], ["installed"]]);
  expect(await ksid()).not.toBe(before);
  await eventually(() => expect(pair.audit.filter(({ act }) => act === "ipsec.expire")).toHaveLength(2));
});

test("errands that wait for an other end that never comes leave room for those that do not", async () => {
  const { one } = await makePair();
  await one.post([postedSpd("p")]);
  const sads = Array.from({ length: LIMITS.ipsecErrands }, (_, at) => postedSad(`s${at}`, 300 + at, [...BACK]));
  await Promise.all(sads.map(async (each) => await one.post([each], 0)));
  await eventually(() => expect(one.agent.errands).toHaveLength(LIMITS.ipsecKeyErrands + 1));
  expect(await one.remove("spd", "p")).toMatchObject({ state: "deleted" });
  expect(one.agent.did("create-sad")).toHaveLength(LIMITS.ipsecKeyErrands);
  one.agent.givesUp = true;
  await eventually(() => expect(one.agent.did("create-sad")).toHaveLength(LIMITS.ipsecErrands));
  await eventually(async () => expect(await one.sql("SELECT id FROM errand UNION SELECT sa FROM telling")).toEqual([]));
});
