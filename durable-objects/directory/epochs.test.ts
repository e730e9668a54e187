import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { fault } from "../../shared/errors/errors.ts";
import type { PairName } from "../../shared/ids.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { err, ok } from "../../shared/result.ts";
import { pushLink, saeAt } from "../../test/support/network-document.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { type EpochStore, secretKeys } from "../storage/epoch-store.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { putNetwork, type DirectoryParts } from "./changes.ts";
import type { Directory } from "./directory.ts";
import { EpochTable } from "./epoch-table.ts";
import { Epochs } from "./epochs.ts";
import { DirectoryStore } from "./store.ts";

const { DIRECTORY } = env as unknown as { DIRECTORY: DurableObjectNamespace<Directory> };
let count = 0;
const DAY_MS = 86_400_000;

/** A folder of keys, and what was done to it. */
class FakeFolder {
  readonly kind = "folder";
  readonly there = new Set([1]);
  readonly destroyed: number[] = [];
  failing = false;

  async numbers(): Promise<number[]> {
    await this.#answer();
    return [...this.there].sort((a, b) => a - b);
  }

  async read(): Promise<null> {
    return await Promise.resolve(null);
  }

  async make(epoch: number): Promise<void> {
    await this.#answer();
    this.there.add(epoch);
  }

  async destroy(epoch: number): Promise<void> {
    await this.#answer();
    this.there.delete(epoch);
    this.destroyed.push(epoch);
  }

  async #answer(): Promise<void> {
    if (this.failing) throw new Error("no answer");
    await Promise.resolve();
  }
}

/** Pools that need so many steps an epoch. */
class FakePools {
  readonly calls: string[] = [];
  readonly failing = new Set<string>();
  readonly steps = new Map<string, number>();
  during: (() => Promise<unknown>) | null = null;

  readonly of = (pool: string) => ({
    rollEpoch: async ({ epoch }: { readonly epoch: number }): PoolResult<{ readonly remaining: boolean }> => {
      this.calls.push(`${pool} ${epoch}`);
      const { during } = this;
      this.during = null;
      await during?.();
      if (this.failing.has(pool)) return err(fault("unavailable", "no"));
      const left = this.steps.get(pool) ?? 0;
      this.steps.set(pool, left - 1);
      return ok({ remaining: left > 0 });
    },
  });
}

interface Bench {
  readonly parts: DirectoryParts;
  readonly keys: FakeFolder;
  readonly pools: FakePools;
  readonly clock: { nowMs: number };
  /** As after a restart. */
  readonly epochs: (keys?: EpochStore) => Epochs;
  readonly put: (document: NetworkDocumentInput) => void;
  readonly audited: () => string[];
}

async function withBench(work: (bench: Bench) => Promise<void>): Promise<void> {
  count += 1;
  await runInDurableObject(DIRECTORY.getByName(`epochs-${count}`), async (_, state) => {
    const db = new Database(state.storage);
    const store = new DirectoryStore(db);
    const clock = { nowMs: Date.now() };
    const outbox = new AuditOutbox(db, "directory", LIMITS);
    const parts: DirectoryParts = { store, outbox, bootstrapSha256: undefined, nowMs: () => clock.nowMs };
    const [keys, pools] = [new FakeFolder(), new FakePools()];
    await work({
      parts,
      keys,
      pools,
      clock,
      epochs: (store_ = keys) => new Epochs(parts, new EpochTable(db), store_, pools.of),
      put: (document) => {
        const result = putNetwork(parts, { document, ifMatch: store.head().documentVersion, by: "operator:op" });
        if (!result.ok) throw new Error(JSON.stringify(result.error));
      },
      audited: () =>
        db
          .all<{ events: string }>("SELECT events FROM audit_outbox ORDER BY first_seq")
          .flatMap(({ events }) => JSON.parse(events) as { act: string; who: string; detail: unknown }[])
          .filter(({ act }) => act.startsWith("epoch.") || act === "directory.stuck")
          .map(({ act, who, detail }) => `${act} ${who} ${JSON.stringify(detail)}`),
    });
  });
}

const network: NetworkDocumentInput = {
  nodes: [{ id: "n1" }, { id: "n2" }],
  links: [pushLink("n1-n2", "n1", "n2", { shards: 2 })],
  saes: [saeAt("a", "n1")],
  operators: [{ id: "op", credentials: [{ type: "certificate", match: "cn", value: "op" }] }],
};

describe("an epoch", () => {
  it("ends after epoch_s: the next key is made first, the old one goes when every pool has come along", async () => {
    await withBench(async ({ keys, pools, clock, epochs, audited }) => {
      const directory = epochs();
      await directory.run();
      expect(await directory.inForce()).toMatchObject({ epoch: 1, sinceMs: clock.nowMs });
      directory.meet("n1|n2#0");
      directory.meet("n1|n2#1");
      await directory.run();
      expect(pools.calls.splice(0)).toEqual(["n1|n2#0 1", "n1|n2#1 1"]);
      expect(directory.nextMs()).toBe(clock.nowMs + DAY_MS);
      clock.nowMs += DAY_MS - 1;
      await directory.run();
      expect([...keys.there]).toEqual([1]);

      clock.nowMs += 1;
      pools.failing.add("n1|n2#1");
      pools.steps.set("n1|n2#0", 2);
      await directory.run();
      expect(pools.calls.splice(0)).toEqual(["n1|n2#0 2", "n1|n2#0 2", "n1|n2#0 2", "n1|n2#1 2"]);
      expect([...keys.there]).toEqual([1, 2]);
      expect(await directory.state()).toMatchObject({
        epoch: 2,
        keptIn: "folder",
        overdue: false,
        keys: [1, 2],
        removable: [],
        laggingPools: 1,
        firstLagging: ["n1|n2#1"],
      });
      pools.failing.clear();
      clock.nowMs += 1000;
      await directory.run();
      expect([...keys.there]).toEqual([2]);
      expect(await directory.state()).toMatchObject({ keys: [2], laggingPools: 0 });
      expect(audited()).toEqual(['epoch.begin system {"epoch":2,"before":1}', 'epoch.destroy system {"epoch":1}']);
    });
  });

  it("goes on where it was after a restart at any point", async () => {
    await withBench(async ({ keys, pools, epochs }) => {
      const first = epochs();
      first.meet("n1|n2#0");
      await first.run();
      // Between making the key and switching to it.
      keys.there.add(2);
      await epochs().run();
      expect(await epochs().inForce()).toMatchObject({ epoch: 2 });
      expect([...keys.there]).toEqual([2]);
      // Between the switch and the pools.
      expect(await epochs().roll("operator:op")).toEqual({ ok: true, value: { epoch: 3 } });
      expect([...keys.there]).toEqual([2, 3]);
      await epochs().run();
      expect(pools.calls.at(-1)).toBe("n1|n2#0 3");
      expect([...keys.there]).toEqual([3]);
      // Between the pools and destroying; or a power cut has brought the key back.
      keys.there.add(2);
      await epochs().run();
      expect([...keys.there]).toEqual([3]);
    });
  });

  it("waits for pools that became known in the meantime, whatever epoch they ask about", async () => {
    await withBench(async ({ keys, pools, clock, epochs }) => {
      const directory = epochs();
      directory.meet("n1|n2#0");
      await directory.run();
      // While one pool is being told, another asks, and then an operator wants yet another epoch.
      pools.during = async () => {
        directory.meet("n1|n2#1");
        pools.failing.add("n1|n2#1");
        await directory.roll("operator:op");
      };
      await directory.roll("operator:op");
      await directory.run();
      expect([...keys.there]).toEqual([1, 2, 3]);
      expect(pools.calls).toContain("n1|n2#0 3");
      pools.failing.clear();
      clock.nowMs += 1000;
      await directory.run();
      expect([...keys.there]).toEqual([3]);
    });
  });

  it("counts every pool there can be in a deployment older than epochs", async () => {
    await withBench(async ({ keys, pools, epochs, put }) => {
      put(network);
      const directory = epochs();
      await directory.roll("operator:op");
      expect(await directory.state()).toMatchObject({ epoch: 2, laggingPools: 6 });
      await directory.run();
      expect(new Set(pools.calls.map((call) => call.split(" ")[0]))).toEqual(
        new Set(["n1|n2#0", "n1|n2#1", "n1|n1#0", "n1|n1#1", "n2|n2#0", "n2|n2#1"]),
      );
      expect([...keys.there]).toEqual([2]);
    });
  });

  it("of which too many keys are kept is not followed by another; a pool that is stuck is told of once", async () => {
    await withBench(async ({ keys, pools, clock, epochs, audited }) => {
      const directory = epochs();
      directory.meet("n1|n2#0");
      pools.failing.add("n1|n2#0");
      for (let day = 0; day < LIMITS.epochKeys + 3; day++) {
        clock.nowMs += DAY_MS;
        await directory.run();
      }
      expect(keys.there.size).toBe(LIMITS.epochKeys);
      expect(await directory.state()).toMatchObject({ overdue: true });
      expect(await directory.roll("operator:op")).toMatchObject({ ok: false, error: { code: "conflict" } });
      expect(audited().filter((text) => text.startsWith("epoch.overdue"))).toHaveLength(1);
      pools.failing.clear();
      clock.nowMs += DAY_MS;
      await directory.run();
      expect([...keys.there]).toEqual([LIMITS.epochKeys]);
      await directory.run();
      clock.nowMs += DAY_MS;
      await directory.run();
      expect([...keys.there]).toEqual([LIMITS.epochKeys + 1]);
    });
  });

  it("whose key is lost is followed by the next at once", async () => {
    await withBench(async ({ keys, epochs }) => {
      keys.there.clear();
      expect(await epochs().inForce()).toMatchObject({ epoch: 1 });
      for (let roll = 0; roll < 4; roll++) await epochs().roll("operator:op");
      keys.there.clear();
      await epochs().run();
      expect(await epochs().state()).toMatchObject({ epoch: 6, keys: [6] });
    });
  });

  it("survives that the folder does not answer for a while", async () => {
    await withBench(async ({ keys, clock, epochs }) => {
      const directory = epochs();
      await directory.run();
      keys.failing = true;
      clock.nowMs += DAY_MS;
      await expect(directory.run()).rejects.toThrow("no answer");
      expect(directory.nextMs()).toBeGreaterThan(clock.nowMs);
      await directory.run(); // too soon: asks nobody
      keys.failing = false;
      clock.nowMs = directory.nextMs();
      await directory.run();
      expect([...keys.there]).toEqual([2]);
    });
  });
});

describe("where keys are secrets", () => {
  const secret = new Uint8Array(32).toBase64();
  const secrets = (...numbers: number[]) =>
    secretKeys(Object.fromEntries(numbers.map((number) => [`QKD_EPOCH_KEY_${number}`, secret])));

  it("the operator sets the next and is told when the old one may go", async () => {
    await withBench(async ({ pools, clock, epochs, audited }) => {
      const first = epochs(secrets(1));
      first.meet("n1|n2#0");
      await first.run();
      expect(await first.roll("operator:op")).toMatchObject({
        ok: false,
        error: { code: "conflict", message: expect.stringContaining("set QKD_EPOCH_KEY_2") as string },
      });
      clock.nowMs += DAY_MS;
      await first.run();
      clock.nowMs += DAY_MS;
      await first.run();
      expect(await first.state()).toMatchObject({ epoch: 1, keptIn: "secrets", overdue: true, removable: [] });

      const second = epochs(secrets(1, 2));
      pools.failing.add("n1|n2#0");
      await second.run();
      expect(await second.state()).toMatchObject({ epoch: 2, overdue: false, keys: [1, 2], removable: [] });
      pools.failing.clear();
      clock.nowMs += 1000;
      await second.run();
      expect(await second.state()).toMatchObject({ laggingPools: 0, removable: [1] });
      expect(await epochs(secrets(2)).state()).toMatchObject({ keys: [2], removable: [] });
      expect(audited()).toEqual([
        expect.stringMatching(/^epoch\.overdue system \{"epoch":1,"reason":".*QKD_EPOCH_KEY_2/),
        'epoch.begin system {"epoch":2,"before":1}',
      ]);
    });
  });
});

describe("the Directory object", () => {
  const objects = env as unknown as ObjectsEnv;

  it("tells a pool the epoch with its configuration, knows it from then on, and tells it of the next", async () => {
    const stub = objects.DIRECTORY.getByName(`epochs-object-${(count += 1)}`);
    const raw = stub as unknown as DurableObjectStub<Directory>;
    const name = `n-${count}` as const;
    const pair = `${name}|${name}` as PairName;
    expect(await stub.poolConfig(pair, 0)).toMatchObject({ pair, epoch: 4 });
    const told = async () => {
      await runDurableObjectAlarm(raw);
      return await stub.epochs();
    };
    await expect.poll(told).toMatchObject({ ok: true, value: { epoch: 4, laggingPools: 0, removable: [1, 2] } });
    await evictDurableObject(raw);
    // Of the release before: it does not say which of the pair's it is.
    expect(await stub.poolConfig(`${name}|o-${count}` as PairName)).toMatchObject({ epoch: 4 });
    const known = await runInDurableObject(raw, (_, { storage }) =>
      storage.sql.exec<{ pool: string }>("SELECT pool FROM pool_epoch ORDER BY pool").toArray(),
    );
    expect(known.map(({ pool }) => pool)).toEqual([`${pair}#0`, `${name}|o-${count}#0`]);
    expect(await stub.rollEpoch({ by: "operator:op" })).toMatchObject({ ok: false, error: { code: "conflict" } });
  });
});
