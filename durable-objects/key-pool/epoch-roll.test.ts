/** A new epoch at a pool: what it holds comes over, what was given away does not, and nothing else changes. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  A,
  B,
  C,
  code,
  defaultPolicy,
  hex,
  keysOf,
  makePool,
  randomBytes,
  type TestPool,
  value,
} from "../../test/support/in-workerd-pool.ts";
import { draw, hop, take, termsOver, up } from "../../test/support/in-workerd-relay.ts";
import type { Directory } from "../directory/directory.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { EpochKeys } from "../storage/epoch-keys.ts";
import { secretKeys } from "../storage/epoch-store.ts";
import type { KeyPool } from "./key-pool.ts";
import { Vault } from "../storage/vault.ts";

const raw = (pool: TestPool, shard = 0) => pool.shard(shard) as unknown as DurableObjectStub<KeyPool>;

/** The Directory would tell each pool of its own epoch, as soon as it knows it. */
beforeAll(async () => {
  const directory = (env as unknown as ObjectsEnv).DIRECTORY.getByName(DIRECTORY_NAME);
  await value(directory.epochs());
  await runInDurableObject(directory as unknown as DurableObjectStub<Directory>, (_, { storage }) =>
    storage.sql.exec(
      "CREATE TRIGGER silence AFTER INSERT ON pool_epoch BEGIN UPDATE pool_epoch SET due_ms = NULL; END",
    ),
  );
});

async function rollAll(pool: TestPool, epoch: number, shard = 0): Promise<number> {
  for (let steps = 1; ; steps++) {
    if (!(await value(pool.shard(shard).rollEpoch({ epoch }))).remaining) return steps;
    await pool.evict(shard); // a crash between two steps
  }
}

const epochsOf = async (pool: TestPool): Promise<number[]> =>
  (await pool.sql<{ epoch: number }>("SELECT DISTINCT epoch FROM unit_data ORDER BY epoch")).map(({ epoch }) => epoch);

type Stored = { unit: number; epoch: number; wrapped_key: ArrayBuffer; sealed: ArrayBuffer };
const stored = async (pool: TestPool): Promise<Stored[]> =>
  await pool.sql<Stored>("SELECT unit, epoch, wrapped_key, sealed FROM unit_data ORDER BY unit");

/** All that whoever has these rows and the key of that one epoch can read, as hexadecimal text. */
async function readable(pool: TestPool, rows: readonly Stored[], epoch: number): Promise<string> {
  const keys = new EpochKeys(secretKeys(env), pool.pair);
  await keys.load(epoch);
  const vault = new Vault(keys);
  return rows
    .map(({ epoch: sealedIn, wrapped_key: wrapped, sealed }) => {
      const unit = { epoch: sealedIn, wrappedKey: new Uint8Array(wrapped), sealed: new Uint8Array(sealed) };
      return sealedIn === epoch ? hex(vault.open(unit)) : "";
    })
    .join("|");
}

const found = (text: string, keys: readonly string[]): string[] => keys.filter((key) => text.includes(key));

describe("a new epoch", () => {
  test("what was drawn for a hop is taken after it, and not in the table any more then", async () => {
    const pool = await makePool({ epoch: 1, policy: { pool: { ...defaultPolicy.pool, low_bytes: 0 } } });
    await value(pool.push("f:0", randomBytes(8192)));
    const terms = termsOver(up(pool));
    const [taken, waiting] = [await hop(pool, up(pool)), await value(draw(pool, up(pool), terms))];
    await rollAll(pool, 2);
    const text = await readable(pool, await stored(pool), 2);
    expect(text).not.toContain(hex(taken));
    expect(text).toContain(hex(waiting.bytes));
    expect(await value(take(pool, up(pool), terms, waiting.draw))).toEqual(waiting.bytes);
    expect(await code(take(pool, up(pool), terms, waiting.draw))).toBe("key-not-found");
  });

  test("leaves out what was delivered from units in use; what waits can be fetched as before", async () => {
    const pool = await makePool({ epoch: 1 });
    await value(pool.push("f:0", randomBytes(65_536)));
    const given = await value(pool.enc({ count: 40, sizeBits: 1000 }));
    const shared = await value(pool.enc({ count: 2, recipients: [B, C].map(({ sae }) => ({ sae, node: pool.high })) }));
    await value(pool.dec(given.keyIds.slice(0, 25)));
    await value(pool.dec(shared.keyIds));
    await value(pool.dec(shared.keyIds.slice(0, 1), { sae: C.sae }));
    const [delivered, waiting] = [
      [...keysOf(given).slice(0, 25), ...keysOf(shared).slice(0, 1)],
      [...keysOf(given).slice(25), ...keysOf(shared).slice(1)],
    ];
    const before = await stored(pool);
    const status = await pool.status();
    // What was delivered is in the table for as long as the epoch lasts.
    expect(found(await readable(pool, before, 1), delivered).length).toBeGreaterThan(20);

    expect(await rollAll(pool, 2)).toBe(1);
    const after = await stored(pool);
    expect(await epochsOf(pool)).toEqual([2]);
    expect(found(await readable(pool, after, 2), delivered)).toEqual([]);
    expect(found(await readable(pool, after, 2), waiting).length).toBeGreaterThan(10);
    // Of the units in use both keys are new, of the others the wrapping only.
    const resealed = after.filter(({ unit }) => hexOf(before, unit, "sealed") !== hexOf(after, unit, "sealed"));
    expect(resealed.map(({ unit }) => unit)).toEqual([1, 2]);
    for (const { unit } of after) {
      expect(hexOf(before, unit, "wrapped_key")).not.toBe(hexOf(after, unit, "wrapped_key"));
    }
    expect(await pool.status()).toEqual(status);
    expect(keysOf(await value(pool.dec(given.keyIds.slice(25))))).toEqual(keysOf(given).slice(25));
    expect(keysOf(await value(pool.dec(shared.keyIds.slice(1), { sae: C.sae })))).toEqual(keysOf(shared).slice(1));
    expect(new Set([...keysOf(await value(pool.enc({ count: 100 }))), ...keysOf(given)]).size).toBe(140);
  });

  test("counts what the same commit delivers", async () => {
    const pool = await makePool({ epoch: 1 });
    await value(pool.push("f:0", randomBytes(4096)));
    const given = await value(pool.enc({ count: 4 }));
    const dec = { configVersion: 0, principal: "x", sae: B.sae, master: A.sae, keyIds: given.keyIds };
    await runInDurableObject(raw(pool), async (object) => {
      const taken = object.decKeys(dec);
      for (let turn = 0; turn < 50; turn++) await Promise.resolve();
      const rolled = object.rollEpoch({ epoch: 2 });
      expect([(await taken).ok, (await rolled).ok]).toEqual([true, true]);
    });
    expect(found(await readable(pool, await stored(pool), 2), keysOf(given))).toEqual([]);
  });

  test("comes in bounded steps, each of which outlives a crash", async () => {
    const pool = await makePool({ epoch: 1 });
    const block = randomBytes(1_048_576);
    await value(pool.push("f:0", block));
    const given = await value(pool.enc({ count: 100, sizeBits: 4096 }));
    const first = await value(pool.stub.rollEpoch({ epoch: 2 }));
    expect(first.remaining).toBe(true);
    expect(await epochsOf(pool)).toEqual([1, 2]);
    const [row] = await pool.sql<{ n: number }>("SELECT count(*) AS n FROM unit_data WHERE epoch = 2");
    expect(row?.n).toBe(LIMITS.renewedUnits);
    await pool.evict();
    expect(keysOf(await value(pool.dec(given.keyIds.slice(0, 50))))).toEqual(keysOf(given).slice(0, 50));
    expect(await rollAll(pool, 2)).toBe(1);
    expect(await epochsOf(pool)).toEqual([2]);
    expect(keysOf(await value(pool.dec(given.keyIds.slice(50))))).toEqual(keysOf(given).slice(50));
    const rest = keysOf(await value(pool.enc({ count: 1848, sizeBits: 4096 }))).join("");
    expect(keysOf(given).join("") + rest === hex(block).slice(0, given.bytes.length * 2 + rest.length)).toBe(true);
    expect(await pool.status()).toMatchObject({ conserved: true });
  });

  test("takes along imports, loans, and blocks that wait for their twin", async () => {
    const pool = await makePool({ epoch: 1, shards: 2, feed: "two-ended" });
    const [block, waiting] = [randomBytes(65_536), randomBytes(8192)];
    await value(pool.push("f:0", block));
    await value(pool.push("f:0", block, pool.high));
    await value(pool.push("g:0", waiting));
    const transfer = crypto.randomUUID();
    await value(pool.stub.lendUnits({ transfer, units: 3 }));
    const imported = randomBytes(64);
    await value(
      pool.importKeys({
        recipients: [{ sae: C.sae, node: pool.high }],
        nonce: randomBytes(8),
        mask: randomBytes(8),
        bytes: imported,
      }),
    );
    await rollAll(pool, 2);
    expect(await epochsOf(pool)).toEqual([2]);
    expect(await readable(pool, await stored(pool), 2)).toContain(hex(imported));
    const lent = await value(pool.stub.lendUnits({ transfer, units: 3 }));
    expect(lent.map(({ epoch }) => epoch)).toEqual([2, 2, 2]);
    expect((await value(pool.push("g:0", waiting, pool.high))).outcome).toBe("ingested");
    expect(hex((await value(pool.enc({ count: 100 }))).bytes)).not.toBe("");
    expect(await pool.status()).toMatchObject({ conserved: true });
  });

  test("is never left again: neither by what was sealed a moment before, nor by an older call, nor by a restart", async () => {
    const pool = await makePool({ epoch: 1 });
    const call = { configVersion: 0, principal: "x", node: pool.low };
    await runInDurableObject(raw(pool), async (object) => {
      const pushes = Array.from({ length: 8 }, (_, n) =>
        object.ingest({ ...call, block: `b-${n}` as never, bytes: randomBytes(65_536) }),
      );
      const rolled = object.rollEpoch({ epoch: 2 });
      for (const pushed of await Promise.all(pushes)) expect(pushed.ok).toBe(true);
      expect((await rolled).ok).toBe(true);
    });
    expect(await epochsOf(pool)).toEqual([2]);
    expect(await value(pool.stub.rollEpoch({ epoch: 1 }))).toEqual({ remaining: false });
    await pool.evict();
    await value(pool.push("after", randomBytes(4096)));
    expect(await epochsOf(pool)).toEqual([2]);
  });

  test("whose key is not there is refused, and changes nothing", async () => {
    const pool = await makePool({ epoch: 1 });
    await value(pool.push("f:0", randomBytes(4096)));
    expect(await code(pool.stub.rollEpoch({ epoch: 9 }))).toBe("unavailable");
    await value(pool.push("g:0", randomBytes(4096)));
    expect(await epochsOf(pool)).toEqual([1]);
  });

  test("does not wait for units whose key is gone for good, and says so", async () => {
    const pool = await makePool({ epoch: 1 });
    await value(pool.push("f:0", randomBytes(8192)));
    await pool.sql("UPDATE unit_data SET epoch = 3 WHERE unit = 2");
    expect(await rollAll(pool, 4)).toBe(1);
    expect(await epochsOf(pool)).toEqual([3, 4]);
    const [alarm] = await pool.sql<{ code: string; subject: string; detail: string }>("SELECT * FROM standing_alarm");
    expect(alarm).toMatchObject({ code: "stuck", subject: "epoch 3" });
    expect(alarm?.detail).toBe("1 units cannot be opened: the key of epoch 3 is gone");
  });
});

function hexOf(rows: readonly Stored[], unit: number, column: "sealed" | "wrapped_key"): string {
  return hex(new Uint8Array(rows.find((row) => row.unit === unit)?.[column] ?? new ArrayBuffer()));
}

test("an epoch that lasts more than twice its time is an alarm, until the next has come", async () => {
  const pool = await makePool({ epoch: 1, policy: { epoch_s: 60 } });
  await value(pool.push("f:0", randomBytes(4096)));
  const alarms = async () => await pool.sql<{ code: string; subject: string }>("SELECT * FROM standing_alarm");
  const age = async (seconds: number) => {
    await pool.sql("UPDATE setting SET value = ? WHERE name = 'epoch'", `1 ${Date.now() - seconds * 1000}`);
    await pool.evict();
    await alarm(pool);
  };
  await age(110);
  expect(await alarms()).toEqual([]);
  await age(130);
  await alarm(pool);
  expect(await alarms()).toMatchObject([{ code: "epoch-overdue", subject: "epoch 1" }]);
  await rollAll(pool, 2);
  expect(await alarms()).toEqual([]);
  await pool.evict();
  await alarm(pool);
  expect(await alarms()).toEqual([]);
});

describe("a loan", () => {
  test("reaches a shard that is an epoch behind, or ahead", async () => {
    const pool = await makePool({ epoch: 1, shards: 3 });
    await value(pool.push("f:0", randomBytes(262_144)));
    await rollAll(pool, 2);
    const call = { configVersion: 0, principal: "x", master: A.sae, masterNode: pool.low, sizeBits: 256 };
    const recipients = [{ sae: B.sae, node: pool.high }];
    const borrow = async (shard: number): Promise<KeyGrant> =>
      await value(pool.shard(shard).encKeys({ ...call, recipients, count: 100 }));
    const behind = await borrow(1);
    await rollAll(pool, 4, 2);
    const ahead = await borrow(2);
    const epochs = async (shard: number) =>
      await runInDurableObject(raw(pool, shard), (_, { storage }) =>
        storage.sql.exec<{ epoch: number }>("SELECT DISTINCT epoch FROM unit_data").toArray(),
      );
    expect(await epochs(1)).toEqual([{ epoch: 2 }]);
    expect(await epochs(2)).toEqual([{ epoch: 4 }]);
    expect(new Set([...keysOf(behind), ...keysOf(ahead)]).size).toBe(200);
  });
});

async function inUse() {
  const pool = await makePool({ policy: { unit_max_age_s: 60 } });
  await value(pool.push("f:0", randomBytes(8192)));
  const given = await value(pool.enc({ count: 3 }));
  return { pool, given };
}

const alarm = async (pool: TestPool) => await runDurableObjectAlarm(raw(pool));

describe("a unit in use", () => {
  test("is retired at its age: the rest is remainder, what waits can still be fetched, then the unit goes", async () => {
    const { pool, given } = await inUse();
    await alarm(pool);
    expect((await pool.status()).ledgerBits.remainder).toBe(0);
    await pool.sql("UPDATE unit SET begun_ms = begun_ms - 61000 WHERE cursor > 0");
    await pool.evict();
    await alarm(pool);
    const rest = (4096 - 96) * 8;
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ledgerBits: { remainder: rest, available: 4096 * 8 },
    });
    const next = await value(pool.enc({ count: 128 }));
    expect(new Set([...keysOf(next), ...keysOf(given)]).size).toBe(131);
    expect(keysOf(await value(pool.dec(given.keyIds)))).toEqual(keysOf(given));
    expect(await pool.sql("SELECT id FROM unit WHERE id = 1")).toEqual([]);
    expect(await pool.sql("SELECT unit FROM unit_data WHERE unit = 1")).toEqual([]);
  });

  test("that older code began counts from when it is first seen", async () => {
    const { pool } = await inUse();
    await pool.sql("UPDATE unit SET begun_ms = 0");
    await pool.evict();
    await alarm(pool);
    expect((await pool.status()).ledgerBits.remainder).toBe(0);
    const [row] = await pool.sql<{ begun_ms: number }>("SELECT begun_ms FROM unit WHERE cursor > 0");
    expect(row?.begun_ms).toBeGreaterThan(Date.now() - 60_000);
  });
});
