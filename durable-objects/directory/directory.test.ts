import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { LinkId, PairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { DirectoryRpc, Snapshot } from "../../shared/network/directory-types.ts";
import type { NetworkDocument } from "../../shared/network/document.ts";
import { saeAt, twoNodes } from "../../test/support/network-document.ts";
import type { ObjectsEnv } from "../env.ts";
import type { Directory } from "./directory.ts";

const { DIRECTORY } = env as unknown as ObjectsEnv;
let count = 0;
const newDirectory = () => DIRECTORY.getByName(`directory-${(count += 1)}`);
type Stub = DirectoryRpc;
/** What the test runtime wants to see. */
const raw = (stub: Stub) => stub as unknown as DurableObjectStub<Directory>;

const hex = (digit: string) => digit.repeat(64);
const pair = (text: string) => text as PairName;
const network = twoNodes;

const put = async (directory: Stub, document: unknown, ifMatch: number, by = "operator:op") =>
  await directory.putNetwork({ document, ifMatch, by });
const codeOf = (result: { ok: boolean; error?: { code: string } }) => (result.ok ? "ok" : result.error?.code);
async function snapshotOf(directory: Stub): Promise<Snapshot> {
  const answer = await directory.snapshot(-1);
  if ("unchanged" in answer) throw new Error("a snapshot was asked for");
  return answer;
}

describe("documents", () => {
  it("begin with the empty network", async () => {
    const directory = newDirectory();
    expect(await directory.getNetwork(null)).toMatchObject({
      ok: true,
      value: { version: 0, document: { nodes: [] } },
    });
    const snapshot = await snapshotOf(directory);
    expect(snapshot).toMatchObject({ documentVersion: 0, revocations: [], drains: [] });
    expect(await directory.snapshot(snapshot.sequence)).toEqual({ unchanged: true, sequence: snapshot.sequence });
  });

  it("leave no operator who could not write the next one: expired and revoked credentials do not count", async () => {
    const directory = newDirectory();
    await put(directory, network(), 0);
    const only = (more: object) =>
      network({ operators: [{ id: "op2", credentials: [{ type: "token", sha256: hex("1"), ...more }] }] });
    const expired = only({ expires: "2020-01-01T00:00:00Z" });
    const refused = { ok: false, error: { code: "bad-request", details: [{ pointer: "/operators" }] } };
    expect(await directory.diff(expired)).toMatchObject(refused);
    expect(await put(directory, expired, 1)).toMatchObject(refused);
    expect(codeOf(await directory.diff(only({ expires: "2999-01-01T00:00:00Z" })))).toBe("ok");
    const revoke = { reason: "", by: "operator:op" } as const;
    await directory.revoke({ ...revoke, kind: "token", value: hex("1") });
    expect(await put(directory, only({}), 1)).toMatchObject(refused);
    expect(codeOf(await directory.diff(network()))).toBe("ok");
    await directory.revoke({ ...revoke, kind: "principal", value: "operator:op", force: true });
    expect(await directory.diff(network())).toMatchObject(refused);
  });

  it("are put against the version seen, and kept", async () => {
    const directory = newDirectory();
    const before = await snapshotOf(directory);
    expect(await put(directory, network(), 0)).toEqual({ ok: true, value: { version: 1 } });
    expect(await put(directory, network(), 0)).toMatchObject({
      ok: false,
      error: { code: "precondition-failed", message: "the network is at version 1, not 0", details: [{ version: 1 }] },
    });
    expect(await put(directory, network({ name: "second" }), 1)).toEqual({ ok: true, value: { version: 2 } });
    const after = await snapshotOf(directory);
    expect(after.sequence).toBeGreaterThan(before.sequence);
    expect(after.document.name).toBe("second");
    expect(await directory.getNetwork(1)).toMatchObject({
      ok: true,
      value: { version: 1, document: { name: "qkd network" } },
    });
    expect(codeOf(await directory.getNetwork(3))).toBe("not-found");
    expect((await directory.versions()).map(({ version, by }) => [version, by])).toEqual([
      [2, "operator:op"],
      [1, "operator:op"],
    ]);
  });

  it("change nothing when they are at fault", async () => {
    const directory = newDirectory();
    await put(directory, network(), 0);
    const before = await snapshotOf(directory);
    const result = await put(directory, { ...network(), links: [{ id: "x" }], operators: [] }, 1);
    expect(codeOf(result)).toBe("bad-request");
    expect(!result.ok && result.error.details?.length).toBeGreaterThan(1);
    expect(await directory.snapshot(before.sequence)).toMatchObject({ unchanged: true });
  });

  it("of more than a row can hold survive a restart; old ones are dropped", async () => {
    const directory = newDirectory();
    const saes = Array.from({ length: 9000 }, (_, n) => saeAt(`${"é".repeat(100)}-${n}`, "tn-1"));
    expect(codeOf(await put(directory, network({ saes }), 0))).toBe("ok");
    await evictDurableObject(raw(directory));
    expect((await snapshotOf(directory)).document.saes).toEqual(saes);
  });

  it("are kept in a bounded number", async () => {
    const directory = newDirectory();
    await runInDurableObject(raw(directory), async (instance, state) => {
      for (let version = 0; version <= LIMITS.versionsKept; version++) {
        await instance.putNetwork({ document: network(), ifMatch: version, by: "operator:op" });
      }
      const kept = state.storage.sql.exec("SELECT min(version) AS low, count(*) AS n FROM versions").one();
      expect(kept).toEqual({ low: 2, n: LIMITS.versionsKept });
      expect(state.storage.sql.exec("SELECT min(version) AS low FROM document_parts").one()).toEqual({ low: 2 });
    });
  });
});

describe("revocations", () => {
  const call = { kind: "token" as const, value: hex("a"), reason: "lost", by: "operator:op" };

  it("are appended once, and outlive every document", async () => {
    const directory = newDirectory();
    const first = await directory.revoke(call);
    expect(first).toMatchObject({ ok: true, value: call });
    const { sequence } = await snapshotOf(directory);
    expect(await directory.revoke({ ...call, reason: "again" })).toEqual(first);
    expect(await directory.snapshot(sequence)).toMatchObject({ unchanged: true });
    await put(directory, network(), 0);
    expect((await snapshotOf(directory)).revocations).toEqual([first.ok && first.value]);
  });

  it.each([
    ["token", "AB"],
    ["certificate", hex("G")],
    ["principal", "sae-a"],
    ["principal", "nobody:x"],
  ] as const)("of a malformed %s are refused", async (kind, value) => {
    expect(codeOf(await newDirectory().revoke({ ...call, kind, value }))).toBe("bad-request");
  });

  it("leave somebody who can write the network, unless that is forced", async () => {
    const directory = newDirectory();
    const token = (digit: string) => ({ type: "token" as const, sha256: hex(digit) });
    const reader = { id: "reader", credentials: [{ ...token("2"), scopes: ["network.read"] }] };
    await put(directory, network({ operators: [{ id: "op", credentials: [token("0"), token("1")] }, reader] }), 0);
    const revoke = async (kind: "token" | "principal", value: string, more = {}) =>
      await directory.revoke({ ...call, kind, value, ...more });
    expect(codeOf(await revoke("principal", "operator:op"))).toBe("conflict");
    expect(codeOf(await revoke("token", hex("1")))).toBe("ok");
    const { sequence } = await snapshotOf(directory);
    expect(await revoke("token", hex("0"))).toMatchObject({
      error: { code: "conflict", message: expect.stringContaining("the last credential") },
    });
    expect(await directory.snapshot(sequence)).toMatchObject({ unchanged: true });
    expect(codeOf(await revoke("principal", "operator:reader"))).toBe("ok");
    const forced = await revoke("token", hex("0"), { force: true });
    expect(forced).toEqual({ ok: true, value: { ...call, value: hex("0"), atMs: expect.any(Number) } });
    // Now that nobody can, nothing is in the way.
    expect(codeOf(await revoke("principal", "operator:op"))).toBe("ok");
  });

  it("have a bounded reason", async () => {
    expect(codeOf(await newDirectory().revoke({ ...call, reason: "x".repeat(1000) }))).toBe("bad-request");
  });
});

describe("bootstrap", () => {
  const BY = "operator:bootstrap";

  it("is open for one successful document, then never again", async () => {
    const directory = newDirectory();
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(true);
    expect(codeOf(await put(directory, {}, 0, BY))).toBe("bad-request");
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(true);
    expect(codeOf(await put(directory, network(), 0, BY))).toBe("ok");
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(false);
    expect(codeOf(await put(directory, network(), 1, BY))).toBe("forbidden");
    await evictDurableObject(raw(directory));
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(false);
  });

  it("stays open when an operator puts a document", async () => {
    const directory = newDirectory();
    await put(directory, network(), 0);
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(true);
  });

  it("ends after its hour, and snapshots say so", async () => {
    const directory = newDirectory();
    const { sequence } = await snapshotOf(directory);
    await runInDurableObject(raw(directory), (_, state) => {
      state.storage.sql.exec("UPDATE bootstraps SET first_seen_ms = first_seen_ms - ?", LIMITS.bootstrapSeconds * 1000);
    });
    expect(codeOf(await put(directory, network(), 0, BY))).toBe("forbidden");
    await runDurableObjectAlarm(raw(directory));
    const after = await snapshotOf(directory);
    expect(after.bootstrapOpen).toBe(false);
    expect(after.sequence).toBeGreaterThan(sequence);
  });

  it("ends after its hour where it began with a restart, too, while the alarm was set for later", async () => {
    const directory = newDirectory();
    await snapshotOf(directory);
    const farMs = Date.now() + 24 * 3600_000;
    await runInDurableObject(raw(directory), async (_, state) => {
      // As before the secret was set.
      state.storage.sql.exec("DELETE FROM bootstraps");
      await state.storage.setAlarm(farMs);
    });
    await evictDurableObject(raw(directory));
    expect((await snapshotOf(directory)).bootstrapOpen).toBe(true);
    const alarmMs = await runInDurableObject(raw(directory), async (_, state) => await state.storage.getAlarm());
    expect(alarmMs).toBeLessThan(farMs);
  });
});

describe("pool configuration", () => {
  it("is active for links and nodes, then draining, then gone", async () => {
    const directory = newDirectory();
    expect((await directory.poolConfig(pair("tn-1|tn-2"))).state).toBe("gone");
    await put(directory, network({ policy: { drain_s: 600 } }), 0);
    expect(await directory.poolConfig(pair("tn-1|tn-2"))).toMatchObject({
      state: "active",
      link: "l-12" as LinkId,
      shards: 2,
    });
    expect(await directory.poolConfig(pair("tn-1|tn-1"))).toMatchObject({ state: "active", source: "local" });
    await put(directory, network({ links: [] }), 1);
    const { sequence } = await snapshotOf(directory);
    expect(await directory.poolConfig(pair("tn-1|tn-2"))).toMatchObject({ state: "draining", version: sequence });
  });

  it("of relayed key is active for any two nodes, whatever becomes of a link between them", async () => {
    const directory = newDirectory();
    await put(directory, network({ policy: { drain_s: 600 } }), 0);
    const relayed = { link: null, source: "relay", state: "active", shards: 1 };
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 60)).toMatchObject({ ...relayed, linkShards: 2 });
    await put(directory, network({ links: [] }), 1);
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 60)).toMatchObject(relayed);
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 1)).toMatchObject({ link: "l-12", state: "draining" });
    await put(directory, network({ links: [], nodes: [{ id: "tn-1" }], saes: [], policy: { drain_s: 0 } }), 2);
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 60)).toMatchObject({ ...relayed, state: "draining" });
  });

  it("can be told from a document of a release that knew no relays, and allowed more shards", async () => {
    const directory = newDirectory();
    await put(directory, network(), 0);
    await runInDurableObject(raw(directory), (_, state) => {
      const { text } = state.storage.sql.exec<{ text: string }>("SELECT text FROM document_parts").one();
      const old = JSON.parse(text) as NetworkDocument;
      const links = old.links.map((link) => ({ ...link, shards: 64 }));
      const { relay: _relay, ...policy } = old.policy;
      state.storage.sql.exec("UPDATE document_parts SET text = ?", JSON.stringify({ ...old, links, policy }));
    });
    await evictDurableObject(raw(directory));
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 1)).toMatchObject({ link: "l-12", shards: 64 });
    expect(await directory.poolConfig(pair("tn-1|tn-2"), 60)).toMatchObject({ source: "relay", state: "active" });
    const links = network().links.map((link) => ({ ...link, shards: 60 }));
    expect(codeOf(await put(directory, network({ links }), 1))).toBe("ok");
  });

  it("keeps the shards of a draining link that comes back", async () => {
    const directory = newDirectory();
    await put(directory, network({ policy: { drain_s: 600 } }), 0);
    await put(directory, network({ links: [] }), 1);
    const links = network().links.map((link) => ({ ...link, shards: 1 }));
    expect(await put(directory, network({ links }), 2)).toMatchObject({
      error: { details: [{ pointer: "/links/0/shards" }] },
    });
    expect(codeOf(await put(directory, network(), 2))).toBe("ok");
    expect((await snapshotOf(directory)).drains).toEqual([]);
  });
});
