import { describe, expect, test } from "vitest";
import {
  BACK,
  eventually,
  makePair,
  postBoth,
  postedSad,
  postedSpd,
  SECRET_OCTETS,
  told,
} from "../../test/support/in-workerd-ipsec.ts";
import { sendErrand } from "./agent.ts";
import { ENTRY_REASONS, type EntryReason, isEntryReason } from "../../shared/ipsec/outcome.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { PostedEntry } from "../../shared/ipsec/types.ts";

const seen = new Set<EntryReason>();
const saw = (text: string | undefined): string | undefined => {
  const reason = text?.split(": ")[1] as EntryReason | undefined;
  if (reason !== undefined) seen.add(reason);
  return text;
};

describe("entries posted to both ends", () => {
  test("SPD and SAD entries are installed at both hosts with one key; no octet of a key comes into the storage", async () => {
    const pair = await makePair();
    const entries = [postedSad("s_300", 300), postedSpd("p"), postedSad("s_301", 301, [...BACK])];
    const [a, b] = await postBoth(pair, entries);
    expect([told(a), told(b)]).toEqual([Array(3).fill("installed"), Array(3).fill("installed")]);
    expect(a.done).toBe(true);
    expect(a.entries.map(({ name }) => name)).toEqual(["s_300", "p", "s_301"]);
    expect(a.entries[0]).toMatchObject({ spi: 300, sources: ["ML-KEM-512", "QKD"], dropped: [] });
    expect([...pair.one.agent.host].toSorted()).toEqual(["p", "s_300", "s_301"]);
    const ksids = async (node: typeof pair.one) =>
      await node.sql("SELECT name, ksid FROM entry WHERE kind = 'sad' ORDER BY name");
    expect(await ksids(pair.one)).toEqual(await ksids(pair.two));
    // One errand did it all, and the key is as long as the policy of the same reqid says, with its salt.
    expect(pair.one.agent.errands).toHaveLength(1);
    const operation = pair.one.agent.errands[0]?.operations.find((each) => each.do === "create-sad");
    expect(operation?.do === "create-sad" && operation.key).toMatchObject({
      keyBytes: 20,
      chunkBytes: 20,
      waitMs: 1000,
    });
    expect(operation?.do === "create-sad" && operation.key.source).toMatch(/^hybrid:\/\/SPI_300@aaaaaaaa-/);
    for (const node of [pair.one, pair.two]) {
      const tables = await node.sql<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
      );
      for (const { name } of tables) {
        const rows = JSON.stringify(await node.sql(`SELECT * FROM "${name}"`));
        expect(rows).not.toContain(SECRET_OCTETS);
        expect(rows).not.toContain(SECRET_OCTETS.slice(0, 20));
      }
    }
    await eventually(() => expect(pair.audit.filter(({ act }) => act === "ipsec.install")).toHaveLength(6));
    expect(pair.audit[0]?.who).toBe("controller:c");
  });

  test("a key in a template of who did not drop it is dropped here", async () => {
    const { one } = await makePair();
    const posted = postedSad("s", 300) as Extract<PostedEntry, { kind: "sad" }>;
    const config = posted.entry["ipsec-sa-config"];
    const encryption = { "encryption-algorithm": 20, key: SECRET_OCTETS, iv: SECRET_OCTETS };
    const leaky = {
      ...posted.entry,
      "ipsec-sa-config": { ...config, "esp-sa": { encryption } },
    } as typeof posted.entry;
    await one.post([{ ...posted, entry: leaky }], 0);
    expect(
      JSON.stringify([await one.sql("SELECT * FROM entry"), await one.sql("SELECT * FROM operation")]),
    ).not.toContain("c0:ff");
  });

  test("the same again changes nothing; others of one name or SPI are refused", async () => {
    const pair = await makePair();
    const { one } = pair;
    await postBoth(pair, [postedSad("s", 300), postedSpd("p")]);
    const again = await one.post([postedSad("s", 300), postedSpd("p")]);
    expect(again.entries.map(({ state, unchanged }) => [state, unchanged])).toEqual([
      ["installed", true],
      ["installed", true],
    ]);
    expect(one.agent.errands).toHaveLength(1);
    const spelledOut = await one.post([postedSad("s", 300, undefined, { mode: "transport", "ext-seq-num": true })]);
    expect(spelledOut.entries[0]).toMatchObject({ unchanged: true });
    const others = await one.post([postedSad("s", 301), postedSad("t", 300)]);
    expect(told(others).map(saw)).toEqual(["failed: exists", "failed: spi-in-use"]);
    // The same SPI to the other end is another SA.
    const [back] = await postBoth(pair, [postedSad("t", 300, [...BACK])]);
    expect(told(back)).toEqual(["installed"]);
  });

  test("what cannot be is told of each entry by itself", async () => {
    const { one, view } = await makePair();
    const third = {
      ...view.nodes[1],
      id: "third" as never,
      uuid: "cccccccc-0000-0000-0000-000000000000",
      prefixes: ["10.0.0.30/32"],
    };
    view.nodes.push(third as (typeof view.nodes)[number]);
    const batch = await one.post([
      { kind: "sad", name: "bad", problem: "ipsec-sa-config/spi: is missing" },
      postedSad("stray", 300, ["10.9.9.9/32", "10.0.0.20/32"]),
      postedSad("others", 301, ["10.0.0.20/32", "10.0.0.30/32"]),
      postedSpd("p"),
    ]);
    expect(told(batch).map(saw)).toEqual([
      "failed: bad-entry",
      "failed: unknown-prefix",
      "failed: not-this-node",
      "installed",
    ]);
    expect(batch.entries[0]?.message).toBe("ipsec-sa-config/spi: is missing");
    expect(batch.entries[1]?.message).toContain("10.9.9.9/32");
  });

  test("the caller waits no longer than it says, and asks for the rest later", async () => {
    const pair = await makePair();
    pair.one.agent.waits = true;
    const posted = await pair.one.post([postedSpd("p")], 10);
    expect([posted.done, told(posted)]).toEqual([false, ["queued"]]);
    // The same while it is queued waits for the same.
    const again = pair.one.post([postedSpd("p")]);
    pair.one.agent.waits = false;
    expect(told(await again)).toEqual(["installed"]);
    const batch = await pair.one.stub.batch({ id: posted.id });
    expect(batch.ok && [batch.value.done, told(batch.value)]).toEqual([true, ["installed"]]);
    expect(await pair.one.stub.batch({ id: crypto.randomUUID() })).toMatchObject({
      ok: false,
      error: { code: "not-found" },
    });
    expect(pair.one.agent.did("create-spd")).toEqual(["p"]);
  });

  test("too many entries, and batches of long ago", async () => {
    const { one } = await makePair();
    await one.sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${LIMITS.ipsecEntries})
      INSERT INTO entry (kind, name, origin, reqid, template, state, warnings, principal, changed_ms)
      SELECT 'spd', 'n' || i, 'n' || i, '0', '{}', 'installed', '[]', 'x', 0 FROM n`);
    expect(told(await one.post([postedSpd("p")])).map(saw)).toEqual(["failed: too-many"]);
    expect((await one.status()).entries).toHaveLength(LIMITS.ipsecEntriesListed);
    await one.sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${LIMITS.ipsecBatches + 3})
      INSERT INTO batch (id, made_ms) SELECT 'n' || i, ${Date.now() - 1000} FROM n`);
    await one.post([{ kind: null, name: null, problem: "none" }], 0);
    expect(await one.sql("SELECT count(*) AS n FROM batch")).toEqual([{ n: LIMITS.ipsecBatches }]);
  });
});

describe("hosts, agents and other ends that fail", () => {
  test.each([
    "required-source-missing",
    "host-unreachable",
    "wrong-host-key",
    "login-refused",
    "host-refused",
    "peer-not-come",
  ] as const)(
    "%s at one end: the other takes back what it has, and the rest of the batch is installed",
    async (reason) => {
      const pair = await makePair();
      pair.one.agent.outcomes.set("create-sad:bad", reason);
      if (reason === "peer-not-come") pair.two.agent.outcomes.set("create-sad:bad", reason);
      const [a, b] = await postBoth(pair, [postedSad("bad", 300), postedSad("good", 301), postedSpd("p")]);
      expect(told(a).map(saw)).toEqual([`failed: ${reason}`, "installed", "installed"]);
      expect(told(b).map(saw)).toEqual([
        reason === "peer-not-come" ? "failed: peer-not-come" : "failed: peer-failed",
        "installed",
        "installed",
      ]);
      await eventually(() => expect([...pair.two.agent.host].toSorted()).toEqual(["good", "p"]));
      // Failed ones may be posted again.
      pair.one.agent.outcomes.clear();
      pair.two.agent.outcomes.clear();
      await eventually(async () => expect(await pair.two.sql("SELECT * FROM errand")).toEqual([]));
      const again = await postBoth(pair, [postedSad("bad", 300)]);
      expect(again.map(told)).toEqual([["installed"], ["installed"]]);
    },
  );

  test.each(["key-failed", "host-silent"] as const)(
    "after %s nobody knows what the host has: it is deleted there",
    async (reason) => {
      const pair = await makePair();
      pair.one.agent.outcomes.set("create-sad:bad", reason);
      const [a, b] = await postBoth(pair, [postedSad("bad", 300)]);
      expect([told(a), told(b)].flat().map(saw)).toEqual([`failed: ${reason}`, "failed: peer-failed"]);
      await eventually(() => expect(pair.one.agent.did("delete")).toEqual(["bad"]));
    },
  );

  test("keys that differ go at both ends", async () => {
    const pair = await makePair();
    pair.one.agent.otherSession.add("s");
    const [a, b] = await postBoth(pair, [postedSad("s", 300)]);
    expect(told(a).map(saw)).toEqual(["failed: keys-differ"]);
    expect(told(b)).toEqual(["failed: keys-differ"]);
    await eventually(() => expect([pair.one.agent.host.size, pair.two.agent.host.size]).toEqual([0, 0]));
  });

  test("one key for two algorithms of one length is none", async () => {
    const pair = await makePair();
    const cbc = { "esp-sa": { encryption: { "encryption-algorithm": 12, key: "ab".repeat(16) } } };
    const sha1 = { "esp-sa": { ...cbc["esp-sa"], integrity: { "integrity-algorithm": 2 } } };
    const gcm = { "esp-sa": { encryption: { "encryption-algorithm": 20, key: "ab".repeat(36) } } };
    const batches = await Promise.all([
      pair.one.post([postedSad("s", 300, undefined, sha1)]),
      pair.two.post([postedSad("s", 300, undefined, gcm)]),
    ]);
    expect(batches.flatMap(told).map(saw)).toEqual(["failed: keys-differ", "failed: keys-differ"]);
    const [a, b] = [pair.one, pair.two].map(({ agent }) => agent.errands[0]?.operations[0]);
    expect([a, b].map((operation) => operation?.do === "create-sad" && operation.key.chunkBytes)).toEqual([36, 36]);
    await eventually(() => expect([pair.one.agent.host.size, pair.two.agent.host.size]).toEqual([0, 0]));
  });

  test("an end that says nothing is given up, whichever of the two installed first", async () => {
    for (const isFirst of [true, false]) {
      const pair = await makePair();
      const [first, last] = isFirst ? [pair.one, pair.two] : [pair.two, pair.one];
      pair.deaf.add(last.id);
      pair.deaf.add(first.id);
      const posted = await Promise.all([first.post([postedSad("s", 300)], 0), last.post([postedSad("s", 300)], 0)]);
      await eventually(async () => expect(await first.sql("SELECT state FROM entry")).toEqual([{ state: "keyed" }]));
      await eventually(async () => expect(await last.sql("SELECT state FROM entry")).toEqual([{ state: "keyed" }]));
      await first.hurry("entry");
      pair.deaf.clear();
      const silent = await first.stub.batch({ id: posted[0].id });
      expect(silent.ok && told(silent.value).map(saw)).toEqual(["failed: peer-silent"]);
      await first.hurry("telling");
      await eventually(async () => {
        const batch = await last.stub.batch({ id: posted[1].id });
        expect(batch.ok && told(batch.value)).toEqual(["failed: peer-failed"]);
      });
      await eventually(() => expect([first.agent.host.size, last.agent.host.size]).toEqual([0, 0]));
    }
  });

  test("a word of an attempt before neither stops a new one, nor leaves one end alone with its SA", async () => {
    const pair = await makePair();
    const { one, two } = pair;
    const sa = { sourcePrefix: "10.0.0.11/32", destinationPrefix: "10.0.0.20/32", spi: 300 };
    const late = { from: one.id, sa, installed: false };
    two.agent.waits = true;
    const posted = two.post([postedSad("s", 300)]);
    await eventually(async () => expect(await two.sql("SELECT state FROM entry")).toEqual([{ state: "queued" }]));
    await two.stub.settled({ ...late, agreement: "of another session" });
    two.agent.waits = false;
    expect((await Promise.all([one.post([postedSad("s", 300)]), posted])).map(told)).toEqual([
      ["installed"],
      ["installed"],
    ]);
    await two.stub.settled({ ...late, agreement: null });
    await eventually(() => expect([one.agent.host.size, two.agent.host.size]).toEqual([0, 0]));
    for (const node of [one, two]) expect((await node.status()).entries).toMatchObject([{ reason: "peer-failed" }]);
  });

  test("words that did not get through are told again", async () => {
    const pair = await makePair();
    pair.deaf.add(pair.one.id);
    pair.deaf.add(pair.two.id);
    const posted = await Promise.all([
      pair.one.post([postedSad("s", 300)], 0),
      pair.two.post([postedSad("s", 300)], 0),
    ]);
    for (const node of [pair.one, pair.two])
      await eventually(async () => expect(await node.sql("SELECT state FROM entry")).toEqual([{ state: "keyed" }]));
    pair.deaf.clear();
    await pair.one.hurry("telling");
    for (const [at, node] of [pair.one, pair.two].entries())
      await eventually(async () => {
        const batch = await node.stub.batch({ id: posted[at]?.id ?? "" });
        expect(batch.ok && told(batch.value)).toEqual(["installed"]);
      });
  });

  test("an other end that is hosted elsewhere is not waited for, and that is said", async () => {
    const { one, view } = await makePair();
    const [own, other] = view.nodes;
    if (own === undefined || other === undefined) throw new Error("two nodes");
    view.nodes.splice(0, 2, own, { ...other, hosted: "elsewhere" });
    one.agent.alone = true;
    const { entries } = await one.post([postedSad("s", 300)]);
    expect(entries[0]).toMatchObject({ state: "installed", warnings: [expect.stringContaining("not known here")] });
    const begun = await one.stub.rekey({ principal: "operator:op", name: "s" });
    expect(begun).toMatchObject({ ok: false, error: { code: "conflict" } });
  });

  test("no agent: told at once, nothing is left queued", async () => {
    const { one } = await makePair();
    one.agent.connected = false;
    expect(told(await one.post([postedSad("s", 300), postedSpd("p")])).map(saw)).toEqual([
      "failed: no-agent",
      "failed: no-agent",
    ]);
    expect((await one.remove("spd", "other"))?.reason).toBe("no-agent");
    expect(await one.sql("SELECT * FROM errand")).toEqual([]);
  });

  test("an agent that has just connected, or is busy, is asked later as if for the first time; one without a host never", async () => {
    const { one } = await makePair();
    one.agent.exposes = null;
    one.agent.refusals.push(503);
    const posted = one.post([postedSpd("p")]);
    await eventually(async () => expect(await one.sql("SELECT 1 FROM errand WHERE broke_ms > 0")).toHaveLength(1));
    one.agent.exposes = "ipsec";
    expect(told(await posted)).toEqual(["installed"]);
    expect(one.agent.errands.map(({ again }) => again)).toEqual([false]);
    one.agent.refusals.push(404);
    expect(told(await one.post([postedSpd("q")]))).toEqual(["failed: no-agent"]);
    one.agent.exposes = "other";
    expect(told(await one.post([postedSpd("q")]))).toEqual(["failed: no-agent"]);
  });

  test("a connection that breaks off: the agent is asked again for what it has done", async () => {
    const pair = await makePair();
    pair.one.agent.breakAfter = 1;
    const [a] = await postBoth(pair, [postedSpd("p"), postedSad("s", 300)]);
    expect(told(a)).toEqual(["installed", "installed"]);
    expect(pair.one.agent.errands.map(({ again }) => again)).toEqual([false, true]);
    expect(pair.one.agent.did("create-sad")).toEqual(["s"]);
  });

  test("an agent that never comes to an end is given up after its time", async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        await scheduler.wait(1);
        controller.enqueue(new TextEncoder().encode("\n"));
      },
    });
    const hub = { fetch: async () => await Promise.resolve(new Response(body)) };
    const errand = { id: crypto.randomUUID(), node: "n", again: false, operations: [] };
    expect(await sendErrand(hub as never, errand, 20, () => undefined)).toBe("broken");
  });

  test("an agent that knows nothing of it any more: interrupted, and taken back at both ends", async () => {
    const pair = await makePair();
    pair.one.agent.breakAfter = 1;
    pair.one.agent.forgets = true;
    const [a, b] = await Promise.all([
      pair.one.post([postedSpd("p"), postedSad("s", 300)]),
      pair.two.post([postedSad("s", 300)], 0),
    ]);
    expect(told(a).map(saw)).toEqual(["installed", "failed: interrupted"]);
    await eventually(() => expect(pair.one.agent.did("delete")).toEqual(["s"]));
    expect(b.done).toBe(false);
  });

  test("an object that starts anew goes on where it was", async () => {
    const { one, restart } = await makePair();
    one.agent.waits = true;
    const posted = await one.post([postedSpd("p")], 0);
    await eventually(() => expect(one.agent.errands).toHaveLength(1));
    await restart(one);
    one.agent.waits = false;
    await one.ring();
    await eventually(async () => {
      const batch = await one.stub.batch({ id: posted.id });
      expect(batch.ok && told(batch.value)).toEqual(["installed"]);
    });
    expect(one.agent.errands.map(({ again }) => again)).toEqual([false, true]);
  });

  test("while something is due soon an alarm stands, and a call sets one that was lost", async () => {
    const pair = await makePair();
    pair.deaf.add(pair.one.id).add(pair.two.id);
    await Promise.all([pair.one, pair.two].map(async (node) => await node.post([postedSad("s", 300)], 0)));
    await eventually(async () => expect(await pair.one.sql("SELECT 1 AS n FROM telling")).toHaveLength(1));
    await pair.one.ring();
    expect(await pair.one.alarmMs()).not.toBeNull();
    await pair.restart(pair.one);
    await pair.one.dropAlarm();
    await pair.one.status();
    await eventually(async () => expect(await pair.one.alarmMs()).not.toBeNull());
  });

  test("a node that loses its host refuses, and what was under way ends", async () => {
    const { one, view } = await makePair();
    await one.post([postedSpd("p")]);
    view.hides.add(one.id);
    view.sequence += 1;
    await one.stub.refresh();
    const refused = await one.stub.post({ principal: "c", entries: [postedSpd("q")], waitMs: 0, configVersion: 2 });
    expect(refused).toMatchObject({ ok: false, error: { code: "not-found" } });
    expect((await one.status()).entries).toEqual([]);
  });
});

test("every reason but those of rekeys has been seen", () => {
  const unseen = Object.keys(ENTRY_REASONS).filter((reason) => isEntryReason(reason) && !seen.has(reason));
  expect(unseen.toSorted((a, b) => a.localeCompare(b))).toEqual(["not-held", "rekeying"]);
});
