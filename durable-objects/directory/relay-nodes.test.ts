import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { remoteNode, saeAt, twoNodes } from "../../test/support/network-document.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { putNetwork, type DirectoryParts } from "./changes.ts";
import type { Directory } from "./directory.ts";
import { behind, PoolStore } from "./pool-store.ts";
import { RelayNodes } from "./relay-nodes.ts";
import { MIGRATIONS } from "./schema.ts";
import { DirectoryStore } from "./store.ts";
import { Watchers } from "./watchers.ts";

const { DIRECTORY } = env as unknown as ObjectsEnv;
/** What the test runtime wants to see. */
const raw = (stub: DirectoryRpc) => stub as unknown as DurableObjectStub<Directory>;
const node = (id: string) => id as NodeId;
const ask = (id: string, knownSequence = -1) => ({ node: node(id), knownSequence });

it("are told of every change at once, and forgotten once they have heard that they are gone", async () => {
  await runInDurableObject(raw(DIRECTORY.getByName("relay-nodes")), async (_, state) => {
    const db = new Database(state.storage);
    const store = new DirectoryStore(db);
    const outbox = new AuditOutbox(db, "directory", LIMITS);
    const parts: DirectoryParts = { store, outbox, bootstrapSha256: undefined, nowMs: () => 1_000_000 };
    const told: string[] = [];
    const watchers: Watchers = new Watchers(parts, db, "nodes", async (id) => {
      told.push(id);
      nodes.viewOf(ask(id));
      await Promise.resolve();
    });
    const nodes = new RelayNodes(parts, watchers);
    const put = async (more: Partial<NetworkDocumentInput> = {}) => {
      const { documentVersion } = store.head();
      const result = putNetwork(parts, { document: twoNodes(more), ifMatch: documentVersion, by: "operator:op" });
      expect(result).toMatchObject({ ok: true });
      told.length = 0;
      await watchers.tell();
      return new Set(told);
    };
    await put();
    const first = nodes.viewOf(ask("tn-1"));
    expect(first).toMatchObject({ isHosted: true, nodes: [{ id: "tn-1", saes: ["a", "b"] }, { id: "tn-2" }] });
    nodes.viewOf(ask("tn-2"));
    expect(nodes.viewOf(ask("tn-9"))).toMatchObject({ isHosted: false });

    expect(await put({ saes: [saeAt("a", "tn-2")] })).toEqual(new Set(["tn-1", "tn-2"]));
    const { sequence } = store.head();
    expect(nodes.viewOf(ask("tn-1", sequence))).toEqual({ unchanged: true });
    expect(nodes.viewOf(ask("tn-1", sequence - 1))).toMatchObject({ nodes: [{ saes: [] }, { saes: ["a"] }] });

    const alone = { nodes: [{ id: "tn-1" }], links: [], saes: [] };
    expect(await put(alone)).toEqual(new Set(["tn-1", "tn-2"]));
    expect(nodes.viewOf(ask("tn-2"))).toMatchObject({ isHosted: false });
    expect(await put({ ...alone, name: "again" })).toEqual(new Set(["tn-1"]));
    expect(watchers.nextMs()).toBeNull();
  });
});

it("of other deployments are told nothing", async () => {
  const directory = DIRECTORY.getByName("relay-nodes-elsewhere");
  const document = twoNodes({ nodes: [{ id: "tn-1" }, { id: "tn-2" }, remoteNode("far", { saes: ["x"] })] });
  expect(await directory.putNetwork({ document, ifMatch: 0, by: "operator:op" })).toMatchObject({ ok: true });
  const view = await directory.relayView(ask("far"));
  expect(view).toMatchObject({
    isHosted: false,
    nodes: [{ remote: null }, { remote: null }, { id: "far", remote: { url: "https://far.example" }, saes: ["x"] }],
  });
  await runInDurableObject(raw(directory), (_, state) => {
    expect(new Database(state.storage).all("SELECT node FROM relay_node")).toEqual([]);
  });
});

it("are told by the object itself, over its restarts", async () => {
  const directory = DIRECTORY.getByName("relay-nodes-object");
  await directory.putNetwork({ document: twoNodes(), ifMatch: 0, by: "operator:op" });
  await directory.relayView(ask("tn-1"));
  await evictDurableObject(raw(directory));
  await directory.putNetwork({ document: twoNodes({ name: "second" }), ifMatch: 1, by: "operator:op" });
  await runDurableObjectAlarm(raw(directory));
  await runInDurableObject(raw(directory), (_, state) => {
    // tn-1 was told: it asks the Directory of its deployment, which is another than this one.
    expect(new Database(state.storage).all("SELECT node, attempts FROM relay_node")).toEqual([
      { node: "tn-1", attempts: 0 },
    ]);
  });
});

it("and pools of a node are found in a store of the release before, by either of their nodes", async () => {
  await runInDurableObject(raw(DIRECTORY.getByName("relay-nodes-old")), (_, state) => {
    const db = new Database(state.storage);
    db.run("DROP INDEX pools_by_high");
    db.run("DROP TABLE relay_node");
    for (const table of ["proxy_agent", "room", "monitor"]) db.run(`DROP TABLE ${table}`);
    db.run("UPDATE schema_version SET version = 4");
    const pools = new PoolStore(db);
    const names = ["a|a#0", "a|b#0", "a|b#60", "a|c#60", "aa|b#60", "b|ba#60", "b|c#0", "c|d#60"];
    const lease = { sequence: 1, id: "lease" };
    for (const name of names) pools.putPool({ name, lease, generation: 1, firstMs: 0, lastMs: 0 });
    migrate(db, MIGRATIONS);
    const found = (of: string | null, from = "", limit = 100) =>
      pools.poolsFrom(of, from, limit).map(({ name }) => name);
    expect(found("b")).toEqual(["aa|b#60", "a|b#0", "a|b#60", "b|ba#60", "b|c#0"]);
    expect(found("a")).toEqual(["a|a#0", "a|b#0", "a|b#60", "a|c#60"]);
    expect(found("b", behind("a|b#0"), 2)).toEqual(["a|b#60", "b|ba#60"]);
    expect(found(null, "b|c#0")).toEqual(["b|c#0", "c|d#60"]);
    expect(pools.poolsFrom("d", "", 1)).toEqual([{ name: "c|d#60", pair: "c|d", shard: 60 }]);
    const relays = (from: string, limit = 100) => pools.relayPoolsFrom(from, limit).map(({ name }) => name);
    expect(relays("")).toEqual(["aa|b#60", "a|b#60", "a|c#60", "b|ba#60", "c|d#60"]);
    expect(relays(behind("a|b#60"), 2)).toEqual(["a|c#60", "b|ba#60"]);
    const plan = db.all<{ detail: string }>(
      "EXPLAIN QUERY PLAN SELECT name FROM pools WHERE substr(name, instr(name, '|') + 1) >= 'b#'",
    );
    expect(plan[0]?.detail).toContain("pools_by_high");
  });
});
