import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { LegacyView } from "../../shared/qkd-trusted-node/rpc.ts";
import { Database } from "../storage/database.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { secretKeys } from "../storage/epoch-store.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { Keeping } from "./keeping.ts";
import type { LegacyNode } from "./legacy-node.ts";
import { LegacyStore } from "./store.ts";

const { LEGACY_NODE } = env as unknown as { LEGACY_NODE: DurableObjectNamespace<LegacyNode> };
const VIEW: LegacyView = {
  node: "n",
  site: "n",
  ownId: "n",
  saes: [],
  neighbours: [],
  keyTtlMs: 1000,
  dropsAudit: false,
};
const OWNED = { kind: "begun", neighbour: "x", master: "a", slave: "b" } as const;
const TOLD = { node: "n", deed: { act: "test", who: "sae:a", detail: {} } };
const key = (id: string, fill: number) => ({ id, bytes: new Uint8Array(16).fill(fill) });
const EPOCH = (fill: number) => new Uint8Array(32).fill(fill).toBase64();

interface Bench {
  readonly keeping: Keeping;
  readonly store: LegacyStore;
  readonly keys: EpochKeys;
  readonly db: Database;
  clockMs: number;
}

/** In the storage of an object that nobody else uses, with a clock and epochs of the test's. */
async function within(
  name: string,
  work: (bench: Bench) => Promise<void>,
  secrets: object = { QKD_EPOCH_KEY_1: EPOCH(1) },
) {
  await runInDurableObject(LEGACY_NODE.getByName(name), async (_, { storage }) => {
    const db = new Database(storage);
    const keys = new EpochKeys(secretKeys(secrets), "legacy-node:test");
    const store = new LegacyStore(db, keys);
    const outbox = new AuditOutbox(db, "legacy-node:test", LIMITS);
    const bench: Bench = {
      keeping: new Keeping({ store, keys, outbox, nowMs: () => bench.clockMs }),
      store,
      keys,
      db,
      clockMs: 0,
    };
    expect(await bench.keeping.ready(VIEW)).toEqual({ ok: true, value: null });
    await work(bench);
  });
}
const code = (result: { ok: boolean; error?: { code: string } }) => (result.ok ? "ok" : result.error?.code);

test("a key is given once, to whom it is kept for, whole requests only", async () => {
  await within("keeping-once", async ({ keeping }) => {
    await Promise.resolve();
    expect(code(keeping.keep([key("1", 1), key("2", 2)], OWNED, 1000, TOLD))).toBe("ok");
    expect(code(keeping.take(["1"], { ...OWNED, slave: "c" }, TOLD))).toBe("unauthorised");
    expect(code(keeping.take(["1"], { ...OWNED, master: "c" }, TOLD))).toBe("key-not-found");
    expect(code(keeping.take(["1"], { ...OWNED, neighbour: "y" }, TOLD))).toBe("key-not-found");
    expect(code(keeping.take(["1"], { ...OWNED, kind: "come" }, TOLD))).toBe("key-not-found");
    expect(code(keeping.take(["1", "3"], OWNED, TOLD))).toBe("key-not-found");
    expect(code(keeping.take(["1", "1"], OWNED, TOLD))).toBe("key-not-found");
    const taken = keeping.take(["2", "1"], OWNED, TOLD);
    expect(taken.ok && taken.value.map(({ id, bytes }) => [id, bytes[0]])).toEqual([
      ["2", 2],
      ["1", 1],
    ]);
    expect(code(keeping.take(["1"], OWNED, TOLD))).toBe("key-not-found");
    // Nor does its ID come again.
    expect(code(keeping.keep([key("1", 9)], OWNED, 1000, TOLD))).toBe("conflict");
    expect(code(keeping.keep([key("4", 4), key("4", 5)], OWNED, 1000, TOLD))).toBe("conflict");
  });
});

test("a key expires, and its ID with it", async () => {
  await within("keeping-expiry", async (bench) => {
    await Promise.resolve();
    bench.keeping.keep([key("1", 1)], OWNED, 1000, TOLD);
    expect(bench.store.nextExpiryMs()).toBe(1000);
    bench.clockMs = 1000;
    expect(code(bench.keeping.take(["1"], OWNED, TOLD))).toBe("key-not-found");
    bench.store.expire(1000);
    expect([bench.store.count(), bench.store.nextExpiryMs()]).toEqual([0, null]);
  });
});

test("a key moves to the next epoch, and is gone where the old one's key was destroyed", async () => {
  const [one, two] = [EPOCH(1), EPOCH(2)];
  await within("keeping-epochs", async ({ keeping, db }) => {
    keeping.keep([key("1", 7), key("2", 8)], OWNED, 1000, TOLD);
    const stored = db.one<{ sealed: ArrayBuffer }>("SELECT sealed FROM kept_key WHERE key_id = '1'")?.sealed;
    expect([...new Uint8Array(stored ?? new ArrayBuffer())].slice(0, 16)).not.toEqual([...new Uint8Array(16).fill(7)]);
    await Promise.resolve();
  });
  await within(
    "keeping-epochs",
    async ({ keeping, store }) => {
      await Promise.resolve();
      store.renew();
      expect(store.epochs()).toEqual([2]);
      const taken = keeping.take(["1"], OWNED, TOLD);
      expect(taken.ok && taken.value[0]?.bytes[0]).toBe(7);
    },
    { QKD_EPOCH_KEY_1: one, QKD_EPOCH_KEY_2: two },
  );
  await within(
    "keeping-epochs",
    async ({ keeping, store }) => {
      await Promise.resolve();
      expect(code(keeping.take(["2"], OWNED, TOLD))).toBe("key-not-found");
      store.renew();
      expect([store.epochs(), store.count()]).toEqual([[], 2]);
    },
    { QKD_EPOCH_KEY_3: two },
  );
});

test("storage put back from a copy gives no key", async () => {
  await within("keeping-restored", async ({ keeping, store }) => {
    await Promise.resolve();
    keeping.keep([key("1", 1)], OWNED, 1000, TOLD);
    store.eraseAll();
    expect(code(keeping.take(["1"], OWNED, TOLD))).toBe("key-not-found");
    expect(code(keeping.keep([key("1", 1)], OWNED, 1000, TOLD))).toBe("conflict");
  });
});
