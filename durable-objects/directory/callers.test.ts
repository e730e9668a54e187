import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { saeAt } from "../../test/support/network-document.ts";
import { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { type DirectoryParts, putNetwork, revoke } from "./changes.ts";
import type { Directory } from "./directory.ts";
import { DirectoryStore } from "./store.ts";
import { Callers } from "./callers.ts";
import { Watchers } from "./watchers.ts";

const { DIRECTORY } = env as unknown as { DIRECTORY: DurableObjectNamespace<Directory> };

const callerOf = (sae: string, node: string, credentials: readonly string[] = [], agent: string | null = null) => ({
  principal: `sae:${sae}`,
  sae,
  node,
  credentials,
  agent,
});

it("tells who may not stay, and tells the object of changes as long as somebody does", async () => {
  await runInDurableObject(DIRECTORY.getByName("stream-callers"), async (_, state) => {
    const db = new Database(state.storage);
    const store = new DirectoryStore(db);
    const outbox = new AuditOutbox(db, "directory", LIMITS);
    const parts: DirectoryParts = { store, outbox, bootstrapSha256: undefined, nowMs: () => 1_000_000 };
    const told: string[] = [];
    const known = new Callers(parts);
    const objects: Watchers = new Watchers(parts, db, "streams", async (name) => {
      told.push(name);
      known.gone(objects, { object: name, callers: [] });
      await Promise.resolve();
    });
    const operators = [
      { id: "op", credentials: [{ type: "certificate" as const, match: "cn" as const, value: "op" }] },
    ];
    const agents = [{ id: "agent-1", site: "n1", credentials: [] }];
    const own = { type: "token" as const, sha256: "e".repeat(64) };
    const saes = [saeAt("sae-a", "n1"), { ...saeAt("sae-b", "n2"), credentials: [own] }, saeAt("sae-c", "n1")];
    const document = { nodes: [{ id: "n1" }, { id: "n2" }], links: [], saes, operators, agents };
    expect(putNetwork(parts, { document, ifMatch: 0, by: "operator:op" }).ok).toBe(true);
    const token = "a".repeat(64);
    for (const [kind, value] of [
      ["token", token],
      ["principal", "sae:sae-c"],
    ] as const) {
      expect(revoke(parts, { kind, value, reason: "", by: "operator:op" }).ok).toBe(true);
    }
    const callers = [
      callerOf("sae-a", "n1"),
      callerOf("sae-a", "n1", [`token:${"c".repeat(64)}`, `token:${token}`]),
      callerOf("sae-a", "n2"),
      callerOf("sae-c", "n1"),
      callerOf("sae-x", "n1"),
      callerOf("sae-b", "n2", [`token:${"b".repeat(64)}`], "agent-1"),
      callerOf("sae-b", "n2", [], "agent-2"),
      callerOf("sae-b", "n2", [`token:${own.sha256}`, `certificate:${"f".repeat(64)}`]),
      // A token that the network has no more.
      callerOf("sae-b", "n2", [`token:${"b".repeat(64)}`]),
    ];
    expect(known.gone(objects, { object: "3@n1", callers })).toEqual([1, 2, 3, 4, 6, 8]);
    await objects.tell();
    expect(told).toEqual([]);
    store.bump();
    await objects.tell();
    expect(told).toEqual(["3@n1"]);
    // Nobody is left there.
    store.bump();
    await objects.tell();
    expect([told, objects.nextMs()]).toEqual([["3@n1"], null]);
  });
});
