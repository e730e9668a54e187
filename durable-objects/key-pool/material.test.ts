/** How material comes into a pool: blocks, twins, and loans between shards. */
import { describe, expect, test } from "vitest";
import { code, hex, keysOf, makePool, randomBytes, value, A, B } from "../../test/support/in-workerd-pool.ts";

describe("blocks", () => {
  test("are idempotent by id, refused with other bytes, and quarantined as known material under another id", async () => {
    const pool = await makePool();
    const bytes = randomBytes(10_000);
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("ingested");
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("already-ingested");
    expect(await code(pool.push("f:0", randomBytes(10_000)))).toBe("conflict");
    expect(await value(pool.push("g:0", bytes))).toMatchObject({
      outcome: "quarantined",
      reason: "duplicate-material",
    });
    await value(pool.enc({ count: 312 }));
    const status = await pool.status();
    expect(status).toMatchObject({ ingestedBits: 160_000, conserved: true });
    expect(status.ledgerBits.quarantined).toBe(80_000);
  });

  test("that are biased are quarantined with test and figures; once the policy accepts, the same push takes them in", async () => {
    const pool = await makePool();
    const bytes = randomBytes(65_536).map((byte, i) => (i % 5 === 0 ? byte & 0x5f : byte));
    const refused = await value(pool.push("f:0", bytes));
    expect(refused).toMatchObject({ outcome: "quarantined", reason: "health" });
    expect(refused.health.failures[0]).toMatchObject({ test: "ones-count" });
    expect(await code(pool.enc())).toBe("not-enough-keys");
    await pool.configure({ health: "accept" });
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("ingested");
    const status = await pool.status();
    expect(status.ledgerBits).toMatchObject({ quarantined: 0, available: 65_536 * 8 });
    expect(status.conserved).toBe(true);
    const key = await value(pool.enc());
    expect(hex(bytes)).toContain(hex(key.bytes));
  });

  test("of a two-ended link wait for an equal twin; a mismatch is quarantined", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const bytes = randomBytes(65_536);
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("unmatched");
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("unmatched");
    expect(await code(pool.enc())).toBe("not-enough-keys");
    expect((await value(pool.push("f:0", bytes, pool.high))).outcome).toBe("ingested");
    await value(pool.enc());
    await value(pool.push("g:0", randomBytes(4096)));
    expect(await value(pool.push("g:0", randomBytes(4096), pool.high))).toMatchObject({ reason: "twin-mismatch" });
    const status = await pool.status();
    expect(status.ledgerBits).toMatchObject({ unmatched: 0, quarantined: 4096 * 8 });
    expect(status.conserved).toBe(true);
  });

  test("cut differently are noticed: overlapping ranges of a file, and known units in another block", async () => {
    const pool = await makePool();
    const bytes = randomBytes(131_072);
    expect((await value(pool.push("f:0", bytes))).outcome).toBe("ingested");
    expect(await code(pool.push("f:65536", bytes.slice(65_536)))).toBe("conflict");
    expect(await code(pool.push("f:131071", bytes.slice(0, 2)))).toBe("conflict");
    expect(await value(pool.push("copy:0", bytes.slice(65_536)))).toMatchObject({ reason: "duplicate-material" });
    expect((await value(pool.push("f:131072", randomBytes(4096)))).outcome).toBe("ingested");
    const status = await pool.status();
    expect(status).toMatchObject({ conserved: true, ledgerBits: { available: 135_168 * 8, quarantined: 65_536 * 8 } });
  });

  test("matched out of order are given out all the same", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const [a, b] = [randomBytes(4096), randomBytes(4096)];
    await value(pool.push("a", a));
    await value(pool.push("b", b));
    await value(pool.push("b", b, pool.high));
    await value(pool.enc());
    await value(pool.push("a", a, pool.high));
    const rest = await value(pool.enc({ count: 255 }));
    expect(new Set(keysOf(rest)).size).toBe(255);
    expect((await pool.status()).ledgerBits.available).toBe(0);
  });

  test("voided while they waited for their twin stay voided when it comes", async () => {
    const pool = await makePool({ feed: "two-ended" });
    const [a, b] = [randomBytes(65_536), randomBytes(4096)];
    await value(pool.push("a", a));
    let after: number | null = 0;
    while (after !== null) {
      after = (await value(pool.stub.voidPending({ sae: null, reason: "link removed", after }))).next;
    }
    await value(pool.push("b", b));
    expect((await value(pool.push("a", a, pool.high))).outcome).toBe("already-ingested");
    expect((await value(pool.push("b", b, pool.high))).outcome).toBe("ingested");
    const status = await pool.status();
    expect(status).toMatchObject({ conserved: true, ledgerBits: { voided: 65_536 * 8, available: 4096 * 8 } });
    expect((await value(pool.enc({ count: 128 }))).keyIds).toHaveLength(128);
  });

  test("stop at the pool's capacity", async () => {
    const pool = await makePool({ policy: { pool: { capacity_bytes: 8192, high_bytes: 8192, low_bytes: 0 } } });
    await value(pool.push("f:0", randomBytes(8192)));
    expect(await code(pool.push("g:0", randomBytes(1)))).toBe("pool-full");
  });

  test("are stored encrypted: no byte of a key lies in the tables", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(4096)));
    const key = hex((await value(pool.enc())).bytes);
    const rows = await pool.sql<{ sealed: ArrayBuffer; wrapped_key: ArrayBuffer }>("SELECT * FROM unit_data");
    const stored = rows.map((row) => hex(new Uint8Array(row.sealed)) + hex(new Uint8Array(row.wrapped_key))).join("");
    expect(stored.length).toBeGreaterThan(8192);
    for (let at = 0; at + 16 <= key.length; at += 16) expect(stored).not.toContain(key.slice(at, at + 16));
  });
});

describe("shards", () => {
  test("a short shard borrows from its siblings before it refuses; both ledgers balance; the ID names the shard", async () => {
    const pool = await makePool({ shards: 3 });
    await value(pool.push("f:0", randomBytes(65_536)));
    const call = {
      configVersion: 0,
      principal: "sae:sae-a",
      master: A.sae,
      masterNode: pool.low,
      recipients: [{ sae: B.sae, node: pool.high }],
      sizeBits: 256,
    };
    const given = await value(pool.shard(2).encKeys({ ...call, count: 200 }));
    const taken = await value(
      pool.shard(2).decKeys({ configVersion: 0, principal: "x", sae: B.sae, master: A.sae, keyIds: given.keyIds }),
    );
    expect(keysOf(taken)).toEqual(keysOf(given));
    const all = await Promise.all([0, 1, 2].map((shard) => pool.status(shard)));
    expect(all.every((status) => status.conserved)).toBe(true);
    expect(all.reduce((sum, status) => sum + status.transferredBits, 0)).toBe(0);
    expect(all.reduce((sum, s) => sum + s.ledgerBits.available + s.ledgerBits.delivered, 0)).toBe(65_536 * 8);
    const rest = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => await pool.shard(i % 3).encKeys({ ...call, count: 100 })),
    );
    const keys = rest.flatMap((result) => (result.ok ? keysOf(result.value) : []));
    expect(new Set([...keys, ...keysOf(given)]).size).toBe(keys.length + 200);
  });

  test("what a shard has lent it may have back at once", async () => {
    const pool = await makePool({ shards: 3 });
    await value(pool.push("f:0", randomBytes(65_536)));
    const recipients = [{ sae: B.sae, node: pool.high }];
    const wish = { configVersion: 0, principal: "x", master: A.sae, masterNode: pool.low, recipients, sizeBits: 4096 };
    const ask = async (shard: number, count: number) => await pool.shard(shard).encKeys({ ...wish, count });
    expect((await ask(2, 1)).ok).toBe(true);
    for (const shard of [2, 0, 1]) expect((await ask(shard, 128)).ok).toBe(false);
    // Shard 2 alone can give the rest of the unit it has begun.
    expect((await ask(2, 127)).ok).toBe(true);
  });

  test("a sibling that has opened all its units still lends those it has not begun", async () => {
    const pool = await makePool({ shards: 2 });
    await value(pool.push("f:0", randomBytes(16_384)));
    await value(pool.enc()); // shard 0 opens everything ahead
    const call = { configVersion: 0, principal: "x", master: A.sae, masterNode: pool.low, sizeBits: 256 };
    const recipients = [{ sae: B.sae, node: pool.high }];
    const [borrowed, own] = await Promise.all([
      value(pool.shard(1).encKeys({ ...call, recipients, count: 300 })),
      value(pool.enc({ count: 100 })),
    ]);
    expect(new Set([...keysOf(borrowed), ...keysOf(own)]).size).toBe(400);
    for (const shard of [0, 1]) expect((await pool.status(shard)).conserved).toBe(true);
  });

  test("a transfer that a crash left open is taken up again, and never twice", async () => {
    const pool = await makePool({ shards: 2 });
    await value(pool.push("f:0", randomBytes(65_536)));
    const transfer = crypto.randomUUID();
    const first = await value(pool.stub.lendUnits({ transfer, units: 3 }));
    const again = await value(pool.stub.lendUnits({ transfer, units: 3 }));
    expect(again).toEqual(first);
    expect((await pool.status()).ledgerBits.reserved).toBe(3 * 4096 * 8);
    await value(pool.stub.settleTransfer(transfer));
    await value(pool.stub.settleTransfer(transfer));
    expect(await value(pool.stub.lendUnits({ transfer, units: 3 }))).toEqual([]);
    expect(await pool.status()).toMatchObject({ conserved: true, transferredBits: -3 * 4096 * 8 });
  });
});
