/** Streams of this agent's applications with a stand-in for an unmodified module, which combines by the original's rules. */
import { writeFileSync } from "node:fs";
import net from "node:net";
import { once } from "node:events";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { FakeStreams, jsonAnswer } from "../../../test/support/fake-streams.ts";
import { certificateFiles, moduleAuthority } from "../../../test/support/hybridization-module.ts";
import { HOST, NEVER } from "../../../test/support/module-peer-rig.ts";
import {
  asked,
  askedOfModule,
  equal,
  failure,
  keyOf,
  OWN,
  rig,
  ROLES,
  session,
  startEngine,
  toldOf,
} from "../../../test/support/module-session-rig.ts";
import { temporaryFolder } from "../../../test/support/tunnel-agent.ts";
import { streamsFor } from "./streams.ts";

describe.each(ROLES)("as %s", (role) => {
  test.each([
    ["xoring", 32, 1],
    ["hmac", 32, 2],
    ["xorhmac", 20, 2],
  ] as const)("%s of KEMs and QKD, %i bytes: one key, the same at both ends", async (method, chunkBytes, kems) => {
    const all = await rig();
    const names = [...Array.from({ length: kems }, () => "ML-KEM-768"), "QKD"];
    const of = await session(all, { role, method, chunkBytes, sources: `key_sources=${names.join(",")}` });
    const [ours, { key, mixed }] = await of.both(0);
    expect(mixed).toBe(names.length);
    expect(key).toHaveLength(2 * chunkBytes);
    expect(keyOf(ours) === key, "the same key at both ends").toBe(true);
    expect(toldOf(ours)).toEqual({ method, sources: names, confirmed: false, kem: "agent" });
  });

  test("KEMs alone: key after key in order, whatever the indices; an index asked again is told again", async () => {
    const of = await session(await rig(), { role, sources: "key_sources=ML-KEM-512,ML-KEM-768" });
    const keys: string[] = [];
    for (const index of [0, 7, 3, 1]) keys.push(await equal(of, index));
    expect(new Set(keys).size).toBe(4);
    // No exchange with the module comes of it, or this would wait.
    expect(keyOf(await of.get(7))).toBe(keys[1]);
    const many = [10, 11, 12].map((index) => of.get(index));
    for (const each of many) {
      const { key } = await of.theirs();
      expect(keyOf(await each) === key).toBe(true);
    }
  });

  test("QKD once a session: the second key is refused, and not made of less", async () => {
    const all = await rig();
    const of = await session(all, { role, sources: "key_sources=ML-KEM-768,QKD" });
    const first = await equal(of, 0);
    expect(await of.get(1)).toEqual(failure("source-unavailable", "QKD: "));
    expect(await of.get(1)).toEqual(failure("source-unavailable", "QKD: "));
    expect(keyOf(await of.get(0))).toBe(first);
    expect(all.lines.count("hybrid.source-dropped")).toBe(0);
  });

  test("an optional QKD is left out for the second key at both ends: told, and reported", async () => {
    const all = await rig();
    const of = await session(all, { role, sources: "req_key_sources=ML-KEM-768&opt_key_sources=QKD" });
    await equal(of, 0);
    const [ours, { key, mixed }] = await of.both(1);
    expect(mixed).toBe(1);
    expect(keyOf(ours) === key).toBe(true);
    expect(toldOf(ours)).toMatchObject({ sources: ["ML-KEM-768"], dropped: ["QKD"], confirmed: false });
    expect(all.lines.count("hybrid.source-dropped")).toBe(1);
  });

  test("QKD alone needs no KEM", async () => {
    const of = await session(await rig(), { role, sources: "key_sources=QKD" });
    await equal(of, 0);
  });

  test("too few bytes for the chunk: refused, or with compat_short_keys as short as the module gives", async () => {
    const wish = { role, method: "hmac", chunkBytes: 64, sources: "key_sources=ML-KEM-512,ML-KEM-768" } as const;
    const strict = await session(await rig(), wish);
    const [refusal] = await strict.both(0);
    expect(refusal).toEqual(failure("too-few-bytes", "64"));
    const lenient = await session(await rig({ compat_short_keys: true }), wish);
    expect(await equal(lenient, 0)).toHaveLength(64);
    const padded = await session(await rig({ compat_short_keys: true }), { ...wish, method: "xorhmac" });
    expect((await equal(padded, 0)).slice(64)).toBe("0".repeat(64));
  });

  test("a single source: with the seed's key where the setting says so, which is marked and reported", async () => {
    const file = path.join(temporaryFolder(), "seed");
    writeFileSync(file, "a shared seed\n");
    const all = await rig({ allow_seed_fallback: true, shared_seed_file: file });
    const of = await session(all, { role }, { seed: "a shared seed" });
    const [ours, { key }] = await of.both(0);
    expect(keyOf(ours) === key).toBe(true);
    expect(toldOf(ours)).toMatchObject({ sources: ["ML-KEM-768"], seedFallback: true, confirmed: false });
    expect((await all.lines.seen("hybrid.seed-fallback")).fields).toMatchObject({ sources: "ML-KEM-768" });
    const two = await session(all, { role, sources: "key_sources=ML-KEM-512,ML-KEM-768" }, { seed: "a shared seed" });
    const [mixed] = await two.both(0);
    expect(toldOf(mixed)).not.toHaveProperty("seedFallback");
  });

  test("a single source without the setting: its own key, and a module that mixes in a seed has another", async () => {
    const all = await rig();
    await equal(await session(all, { role }), 0);
    const [ours, { key }] = await (await session(all, { role }, { seed: "a shared seed" })).both(0);
    expect(keyOf(ours) === key).toBe(false);
    expect(toldOf(ours)).not.toHaveProperty("seedFallback");
  });

  test("the module goes in the middle: told, and a new session gives keys again", async () => {
    const all = await rig();
    const of = await session(all, { role });
    await equal(of, 0);
    const waiting = of.get(1);
    await of.closeTheirs();
    expect(await waiting).toEqual(failure("peer-gone"));
    expect(await of.get(2)).toEqual(failure("peer-gone"));
    all.streams.close(of.ksid);
    await equal(await session(all, { role }), 0);
  });

  test("no QKD for this end though it is required: no stream, and nothing is left open", async () => {
    const all = await rig();
    all.edge.intercept = () => jsonAnswer(404, { status: 4, message: "no such link" });
    const wish = { role, sources: "key_sources=ML-KEM-768,QKD" } as const;
    const opening = all.streams.open(asked(wish), NEVER);
    const other = await all.module.open(askedOfModule(all, wish));
    expect(await opening).toEqual(failure("source-unavailable", "QKD: no such link"));
    expect((await all.module.getHybridKey(other.session)).mixed).toBe(1);
  });

  test("one that gives up before the module comes leaves nothing, and others meet", async () => {
    const all = await rig();
    const leaving = new AbortController();
    const opening = all.streams.open(asked({ role }), leaving.signal);
    leaving.abort();
    expect(await opening).toEqual(failure("timeout"));
    await equal(await session(all, { role }), 0);
  });
});

test("a GET_KEY that nobody waits for any more takes neither the exchange nor the QKD key along", async () => {
  const all = await rig();
  const of = await session(all, { role: "initiator", sources: "key_sources=ML-KEM-768,QKD" });
  const { promise: held, resolve } = Promise.withResolvers<null>();
  const give = all.edge.intercept;
  all.edge.intercept = async (each) => (await held, await give(each));
  const leaving = new AbortController();
  const left = of.get(0, leaving.signal);
  await all.edge.seen(({ path: at }) => at.endsWith("/get_key"));
  leaving.abort();
  expect(await left).toEqual(failure("timeout"));
  resolve(null);
  await equal(of, 0);
  expect(all.edge.asked.filter(({ path: at }) => at.endsWith("/get_key"))).toHaveLength(1);
});

test.each(["cat-kdf", "cas-kdf", "qkdedge-hkdf-v1"] as const)(
  "%s is not the module's: refused by name",
  async (method) => {
    const { streams } = await rig();
    expect(await streams.open(asked({ role: "initiator", method }), NEVER)).toEqual(failure("unknown-method", method));
  },
);

test.each([
  ["missing", null],
  ["empty", "\n"],
])("a seed file that is %s: refused, before the module is asked", async (_, text) => {
  const file = path.join(temporaryFolder(), "seed");
  if (text !== null) writeFileSync(file, text);
  const { streams } = await rig({ allow_seed_fallback: true, shared_seed_file: file });
  const opened = await streams.open(asked({ role: "initiator" }), NEVER);
  expect(opened).toEqual(failure("source-unavailable", "shared_seed_file"));
});

test("nothing of optional sources is left: no stream without any", async () => {
  const all = await rig();
  all.edge.intercept = () => jsonAnswer(404, { status: 4, message: "no such link" });
  const wish = { role: "initiator", sources: "opt_key_sources=QKD" } as const;
  const [opened] = await Promise.all([all.streams.open(asked(wish), NEVER), all.module.open(askedOfModule(all, wish))]);
  expect(opened).toEqual(failure("source-unavailable"));
});

test("the port for modules is taken: said in the log and to who asks, and the engine ends in order", async () => {
  const taken = net.createServer().listen(0, HOST);
  await once(taken, "listening");
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as net.AddressInfo;
  const own = await certificateFiles(await moduleAuthority(), [HOST]);
  const { engine, lines } = startEngine(await FakeStreams.start(), own, `${HOST}:${port}`, 1, {});
  const { level, fields } = await lines.seen("hybridization modules are not served");
  expect([level, fields["reason"]]).toEqual(["error", expect.stringContaining(`port ${port}`)]);
  const opened = await streamsFor(engine.streams, OWN).open(asked({ role: "initiator" }), NEVER);
  expect(opened).toEqual(failure("source-unavailable", `port ${port}`));
  // Were the failure not handled there, the run would end with it.
  engine.close();
});
