/**
 * An old copy of a pool's storage put back: however old it is, nothing in it is used again, it is told, and the pool
 * goes on with new material. What is no roll-back (a restart, a crash at any step) voids nothing.
 */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { poolName } from "../../shared/ids.ts";
import type { PoolConfig } from "../../shared/keypool/types.ts";
import { code, keysOf, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import type { LeaseState } from "./lease-state.ts";

const { DIRECTORY, AUDIT_LOG } = env as unknown as ObjectsEnv;
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const raw = (stub: unknown): any => stub;
type Rows = Record<string, ArrayBuffer | string | number | null>[];
type Copy = ReadonlyMap<string, Rows>;

/** What a copy of the pool's file would hold now. */
const copyOf = async (pool: TestPool): Promise<Copy> =>
  await runInDurableObject(raw(pool.stub), (_: unknown, { storage }: DurableObjectState) => {
    const tables = storage.sql.exec<{ name: string }>(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
    );
    return new Map(tables.toArray().map(({ name }) => [name, storage.sql.exec(`SELECT * FROM ${name}`).toArray()]));
  });

/** Puts a copy back and starts the pool on it. */
async function putBack(pool: TestPool, copy: Copy): Promise<void> {
  await runInDurableObject(raw(pool.stub), (_: unknown, { storage }: DurableObjectState) => {
    for (const [table, rows] of copy) {
      storage.sql.exec(`DELETE FROM ${table}`);
      for (const row of rows) {
        const columns = Object.keys(row);
        const places = columns.map(() => "?").join(", ");
        storage.sql.exec(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`, ...Object.values(row));
      }
    }
  });
  await pool.evict();
}

const leaseOf = async (pool: TestPool): Promise<LeaseState> => {
  const [row] = await pool.sql<{ value: string }>("SELECT value FROM setting WHERE name = 'lease'");
  return JSON.parse(row?.value ?? "null") as LeaseState;
};
const changeLease = async (pool: TestPool, change: Partial<LeaseState>): Promise<void> => {
  const text = JSON.stringify({ ...(await leaseOf(pool)), ...change });
  await pool.sql("UPDATE setting SET value = ? WHERE name = 'lease'", text);
  await pool.evict();
};
const directory = DIRECTORY.getByName(DIRECTORY_NAME);
/** The Directory's row of the pool. */
const grantedTo = async (pool: TestPool) =>
  await runInDurableObject(
    raw(directory),
    (_: unknown, { storage }: DurableObjectState) =>
      storage.sql
        .exec("SELECT sequence, lease, generation FROM pools WHERE name = ?", poolName(pool.pair, 0))
        .toArray()[0],
  );

/** Until the logs have everything; the pool's own alarm may be at it just now. */
async function ship(pool: TestPool): Promise<void> {
  for (let pending = 1; pending > 0;) {
    await runDurableObjectAlarm(raw(pool.stub));
    pending = (await pool.sql<{ n: number }>("SELECT count(*) AS n FROM audit_outbox"))[0]?.n ?? 0;
  }
}
async function eventsOf(pool: TestPool, act: string) {
  await ship(pool);
  const { records } = await AUDIT_LOG.getByName(pool.low).read({ after: 0, limit: 1000 });
  return records.filter((record) => record.act === act);
}
const alarmsOf = async (pool: TestPool) =>
  (await pool.status()).alarms?.filter((a) => a.code === "state-rolled-back") ?? [];

/** Everything that was not given out is voided, told, and the pool works on new material. */
async function expectVoided(pool: TestPool, sign: RegExp): Promise<void> {
  const { ledgerBits: ledger, conserved } = await pool.status();
  expect(conserved).toBe(true);
  expect(ledger).toMatchObject({ available: 0, unmatched: 0, reserved: 0, pending: 0 });
  expect(await pool.sql("SELECT id FROM unit UNION ALL SELECT id FROM key_record")).toEqual([]);
  expect(await code(pool.enc())).toBe("not-enough-keys");
  const [alarm] = await alarmsOf(pool);
  expect(alarm?.detail).toMatch(sign);
  expect((await eventsOf(pool, "alarm.raised")).map(({ detail }) => detail["code"])).toContain("state-rolled-back");
  expect(await leaseOf(pool)).toMatchObject({ generation: 2, voiding: null, voided: false, next: null });
  expect(await grantedTo(pool)).toMatchObject({ generation: 2 });
  await value(pool.push(`new-${crypto.randomUUID()}:0`, randomBytes(8192)));
  const given = await value(pool.enc({ count: 3 }));
  await pool.evict();
  expect(keysOf(await value(pool.dec(given.keyIds)))).toEqual(keysOf(given));
  expect(await alarmsOf(pool)).toHaveLength(1);
}

async function poolWithKeys(changes: Partial<PoolConfig> = {}) {
  const pool = await makePool(changes);
  await value(pool.push("file:0", randomBytes(65_536)));
  const pending = await value(pool.enc({ count: 20 }));
  return { pool, pending };
}

describe("a copy put back", () => {
  test("from before the last start: nothing of it is used again, pending keys included", async () => {
    const { pool, pending } = await poolWithKeys();
    const copy = await copyOf(pool);
    await pool.evict();
    const given = await value(pool.enc({ count: 1000 }));
    await value(pool.dec(given.keyIds));
    await putBack(pool, copy);
    expect(await code(pool.dec(pending.keyIds))).toBe("key-not-found");
    expect((await pool.status()).ledgerBits.voided).toBe(65_536 * 8);
    await expectVoided(pool, /directory/);
    expect(await eventsOf(pool, "keys.void")).toMatchObject([{ detail: { keys: 20, reason: "state-rolled-back" } }]);
  });

  test("made while it ran, since its last start: the audit log knows more", async () => {
    const { pool } = await poolWithKeys();
    await ship(pool);
    const copy = await copyOf(pool);
    const given = await value(pool.enc({ count: 10 }));
    await value(pool.dec(given.keyIds));
    await ship(pool);
    await putBack(pool, copy);
    await expectVoided(pool, /audit log/);
    // New events go on after those the log has: neither gap nor conflict.
    expect([...(await eventsOf(pool, "audit.gap")), ...(await eventsOf(pool, "audit.conflict"))]).toEqual([]);
  });

  test("made in the middle of taking a lease, before the pool worked under it", async () => {
    const { pool } = await poolWithKeys();
    const { held } = await leaseOf(pool);
    await changeLease(pool, { next: "asked-for" });
    const copy = await copyOf(pool);
    await value(pool.enc());
    expect((await leaseOf(pool)).held?.sequence).toBe((held?.sequence ?? 0) + 2);
    await putBack(pool, copy);
    await expectVoided(pool, /directory/);
  });

  test("from another generation of the deployment", async () => {
    const { pool } = await poolWithKeys();
    await changeLease(pool, { deployment: "0" });
    await expectVoided(pool, /generation/);
  });

  test("with nothing in it at all: the file was lost, and a new pool took its place", async () => {
    const pool = await makePool();
    const empty = await copyOf(pool);
    await value(pool.push("file:0", randomBytes(8192)));
    await value(pool.enc());
    await putBack(pool, empty);
    await expectVoided(pool, /directory/);
  });

  test("voids what waits for its twin, what failed its health tests, and what is on its way between shards", async () => {
    const pool = await makePool({ feed: "two-ended", shards: 2 });
    const [waiting, sick, lent] = [randomBytes(8192), new Uint8Array(4096), randomBytes(16_384)];
    await value(pool.push("lent", lent));
    await value(pool.push("lent", lent, pool.high));
    await value(pool.push("waiting", waiting));
    expect((await value(pool.push("sick", sick))).outcome).toBe("quarantined");
    await value(pool.stub.lendUnits({ transfer: crypto.randomUUID(), units: 2 }));
    await pool.sql("INSERT INTO transfer (id, sibling, state) VALUES ('asked-before', 1, 'begun')");
    const copy = await copyOf(pool);
    await pool.evict();
    await pool.status();
    await putBack(pool, copy);
    expect((await pool.status()).ledgerBits).toMatchObject({ voided: 8 * (8192 + 4096 + 16_384), quarantined: 0 });
    expect(await pool.sql("SELECT state FROM transfer WHERE id = 'asked-before' AND state = 'begun'")).toEqual([]);
    await pool.configure({ health: "accept" });
    for (const [block, bytes] of [
      ["waiting", waiting],
      ["sick", sick],
    ] as const) {
      expect((await value(pool.push(block, bytes, pool.high))).outcome).toBe("already-ingested");
    }
    expect((await pool.status()).ledgerBits.available).toBe(0);
  });

  test("is voided to the end after a crash in the middle of that", async () => {
    const { pool } = await poolWithKeys();
    await value(pool.stub.voidPending({ sae: null, reason: "as if begun", after: 0 }));
    await changeLease(pool, { voiding: { sign: "lease", forgotten: [] } });
    expect((await pool.status()).ledgerBits).toMatchObject({ available: 0, pending: 0, voided: 65_536 * 8 });
    expect(await leaseOf(pool)).toMatchObject({ generation: 2, voiding: null });
  });
});

describe("blocks pushed after the copy was made", () => {
  test("are known again by what the audit log tells; files known before take nothing more; new files do", async () => {
    const { pool } = await poolWithKeys();
    const copy = await copyOf(pool);
    await pool.evict();
    const [later, more] = [randomBytes(4096), randomBytes(4096)];
    await value(pool.push("later:0", later));
    await value(pool.push("key-7", more));
    const given = await value(pool.enc({ count: 2000 }));
    await value(pool.dec(given.keyIds));
    await ship(pool);
    await putBack(pool, copy);

    for (const [block, bytes] of [
      ["later:0", later],
      ["key-7", more],
    ] as const) {
      expect((await value(pool.push(block, bytes))).outcome).toBe("already-ingested");
    }
    for (const block of ["file:65536", "later:4096"])
      expect(await code(pool.push(block, randomBytes(4096)))).toBe("conflict");
    expect((await pool.status()).ledgerBits.available).toBe(0);
    expect((await value(pool.push("fresh:0", randomBytes(4096)))).outcome).toBe("ingested");
    await value(pool.push("fresh:4096", randomBytes(4096)));
    expect((await pool.status()).ledgerBits.available).toBe(8192 * 8);
  });
});

const expectNothingVoided = async (pool: TestPool, pending: Awaited<ReturnType<typeof poolWithKeys>>["pending"]) => {
  expect(keysOf(await value(pool.dec(pending.keyIds)))).toEqual(keysOf(pending));
  expect((await pool.status()).ledgerBits.voided).toBe(0);
  expect(await alarmsOf(pool)).toEqual([]);
  expect(await leaseOf(pool)).toMatchObject({ generation: 1, voiding: null });
};

describe("no roll-back", () => {
  test("is a restart; each takes one lease", async () => {
    const { pool, pending } = await poolWithKeys();
    const { held } = await leaseOf(pool);
    await pool.evict();
    await pool.status();
    expect((await leaseOf(pool)).held?.sequence).toBe((held?.sequence ?? 0) + 1);
    await expectNothingVoided(pool, pending);
  });

  test("is a crash before the Directory was asked, nor one before its answer was stored", async () => {
    for (const granted of [false, true]) {
      const { pool, pending } = await poolWithKeys();
      const { held } = await leaseOf(pool);
      if (granted) {
        await directory.leasePool({ pool: poolName(pool.pair, 0), generation: 1, held, next: "asked-for" });
      }
      await changeLease(pool, { next: "asked-for" });
      await expectNothingVoided(pool, pending);
    }
  });

  test("is a Directory that is older than its pools", async () => {
    const { pool, pending } = await poolWithKeys();
    await runInDurableObject(raw(directory), (_: unknown, { storage }: DurableObjectState) => {
      storage.sql.exec("DELETE FROM pools WHERE name = ?", poolName(pool.pair, 0));
    });
    await pool.evict();
    await expectNothingVoided(pool, pending);
  });

  test("is storage of the release before leases", async () => {
    const { pool, pending } = await poolWithKeys();
    await runInDurableObject(raw(directory), (_: unknown, { storage }: DurableObjectState) => {
      storage.sql.exec("DELETE FROM pools WHERE name = ?", poolName(pool.pair, 0));
    });
    await pool.sql("DELETE FROM setting WHERE name = 'lease'");
    await pool.evict();
    await expectNothingVoided(pool, pending);
  });
});
