import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { TunnelViewCall } from "../../shared/tunnel/types.ts";
import { saeAt } from "../../test/support/network-document.ts";
import { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { putNetwork, type DirectoryParts } from "./changes.ts";
import type { Directory } from "./directory.ts";
import { RETRY_MS, STUCK_ATTEMPTS } from "./errands.ts";
import { viewOfHub } from "./hubs.ts";
import { DirectoryStore } from "./store.ts";
import { Watchers } from "./watchers.ts";

const { DIRECTORY } = env as unknown as { DIRECTORY: DurableObjectNamespace<Directory> };

interface Bench {
  readonly hubs: Watchers;
  readonly view: (call: TunnelViewCall) => ReturnType<typeof viewOfHub>;
  /** Hubs told, in turn. */
  readonly told: string[];
  readonly failing: Set<string>;
  readonly clock: { nowMs: number };
  readonly change: () => void;
  readonly audited: () => string[];
}

async function withBench(name: string, work: (bench: Bench) => Promise<void>): Promise<void> {
  await runInDurableObject(DIRECTORY.getByName(name), async (_, state) => {
    const db = new Database(state.storage);
    const store = new DirectoryStore(db);
    const clock = { nowMs: 1_000_000 };
    const outbox = new AuditOutbox(db, "directory", LIMITS);
    const parts: DirectoryParts = { store, outbox, bootstrapSha256: undefined, nowMs: () => clock.nowMs };
    const told: string[] = [];
    const failing = new Set<string>();
    const view = (call: TunnelViewCall) => viewOfHub(parts, hubs, call);
    const hubs: Watchers = new Watchers(parts, db, "tunnel", async (site) => {
      told.push(site);
      if (failing.has(site)) throw new Error("unreachable");
      view({ hub: site, knownSequence: 0, connected: site !== "left" });
      await Promise.resolve();
    });
    const change = (): void => {
      const { documentVersion } = store.head();
      const operators = [
        { id: "op", credentials: [{ type: "certificate" as const, match: "cn" as const, value: "op" }] },
      ];
      const document = { nodes: [{ id: "n1" }], links: [], saes: [saeAt(`sae-${documentVersion}`, "n1")], operators };
      const put = putNetwork(parts, { document, ifMatch: documentVersion, by: "operator:op" });
      if (!put.ok) throw new Error(put.error.message);
    };
    const audited = () =>
      db
        .all<{ events: string }>("SELECT events FROM audit_outbox ORDER BY first_seq")
        .flatMap(({ events }) => (JSON.parse(events) as { act: string }[]).map(({ act }) => act))
        .filter((act) => act === "directory.stuck");
    await work({ hubs, view, told, failing, clock, change, audited });
  });
}

const connected = (hub: string) => ({ hub, knownSequence: -1, connected: true });

it("are told of every change once, as long as they have connections", async () => {
  await withBench("hubs-told", async ({ hubs, view, told, change }) => {
    view(connected("here"));
    view(connected("left"));
    await hubs.tell();
    expect(told).toEqual([]);
    change();
    await hubs.tell();
    await hubs.tell();
    expect(told.sort()).toEqual(["here", "left"]);
    expect(hubs.nextMs()).toBeNull();
    change();
    await hubs.tell();
    expect(told.sort()).toEqual(["here", "here", "left"]);
  });
});

it("that do not answer are told again, later each time, and audited as stuck; others are not held up", async () => {
  await withBench("hubs-stuck", async ({ hubs, view, told, failing, clock, change, audited }) => {
    view(connected("here"));
    view(connected("gone"));
    failing.add("gone");
    change();
    await hubs.tell();
    expect(told.sort()).toEqual(["gone", "here"]);
    for (let attempt = 1; attempt < STUCK_ATTEMPTS; attempt++) {
      clock.nowMs = hubs.nextMs() ?? Number.NaN;
      await hubs.tell();
    }
    expect(told.filter((site) => site === "gone")).toHaveLength(STUCK_ATTEMPTS);
    expect(audited()).toHaveLength(1);
    expect(hubs.nextMs()).toBe(clock.nowMs + (RETRY_MS.at(-1) ?? 0));
    failing.clear();
    clock.nowMs = hubs.nextMs() ?? Number.NaN;
    await hubs.tell();
    expect(hubs.nextMs()).toBeNull();
  });
});

it("get a small part of the network, and nothing where they have it", async () => {
  await withBench("hubs-view", async ({ view: viewOf, change }) => {
    change();
    const view = viewOf(connected("n1"));
    expect(view).toMatchObject({ agents: {}, linkedSites: [] });
    const knownSequence = "sequence" in view ? view.sequence : 0;
    expect(viewOf({ ...connected("n1"), knownSequence })).toEqual({ unchanged: true });
    await Promise.resolve();
  });
});
