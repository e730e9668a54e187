import { runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { KeyId } from "../../shared/ids.ts";
import { code, hex, keysOf, makePool, randomBytes, value, A, A2, B, C } from "../../test/support/in-workerd-pool.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const alarm = async (stub: unknown) => await runDurableObjectAlarm(stub as any);

/** However long a test takes, only what it says passes of the objects' time. */
function stopClock(): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  onTestFinished(() => void vi.useRealTimers());
}

describe("keys", () => {
  test("come out equal at both ends, are slices of what went in, and each bit once", async () => {
    const pool = await makePool();
    const block = randomBytes(65_536);
    await value(pool.push("file:0", block));
    const seen = new Set<string>();
    for (const [count, sizeBits] of [
      [1, 256],
      [100, 256],
      [7, 1000],
      [3, 64],
    ] as const) {
      const given = await value(pool.enc({ count, sizeBits }));
      expect(given.keyIds).toHaveLength(count);
      const reversed = given.keyIds.toReversed();
      const taken = await value(pool.dec(reversed));
      expect(taken.keyIds).toEqual(reversed);
      expect(keysOf(taken).toReversed()).toEqual(keysOf(given));
      for (const key of keysOf(given)) {
        expect(hex(block)).toContain(key);
        expect(seen.has(key)).toBe(false);
        seen.add(key);
      }
    }
    const status = await pool.status();
    expect(status.conserved).toBe(true);
    expect(status.ledgerBits.delivered).toBe(256 + 25_600 + 7000 + 192);
    expect(status.ledgerBits.pending).toBe(0);
  });

  test("a unit's data key goes with its last bit", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(8192)));
    const first = await value(pool.enc({ count: 128 }));
    const units = async () => await pool.sql<{ unit: number }>("SELECT unit FROM unit_data");
    expect(await units()).toHaveLength(2);
    await value(pool.dec(first.keyIds.slice(0, 127)));
    expect(await units()).toHaveLength(2);
    await value(pool.dec(first.keyIds.slice(127)));
    expect(await units()).toHaveLength(1);
  });

  test("too few: nothing is consumed, and the exact remainder can still be had", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(4096)));
    await value(pool.enc({ count: 100 }));
    expect(await code(pool.enc({ count: 29 }))).toBe("not-enough-keys");
    expect((await pool.status()).ledgerBits.available).toBe(28 * 256);
    expect((await value(pool.enc({ count: 28 }))).keyIds).toHaveLength(28);
    expect(await code(pool.enc())).toBe("not-enough-keys");
    expect((await pool.status()).level).toBe("empty");
  });

  test("pending keys survive the object's eviction with the same bytes", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(65_536)));
    const given = await value(pool.enc({ count: 300, sizeBits: 512 }));
    await pool.evict();
    expect(keysOf(await value(pool.dec(given.keyIds)))).toEqual(keysOf(given));
    const more = await value(pool.enc({ count: 10 }));
    expect(keysOf(given).join("")).not.toContain(keysOf(more)[0]);
  });

  test("64 callers at once: no ID, no bit twice, and every one delivered once", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(65_536)));
    const results = await Promise.all(Array.from({ length: 64 }, async () => await pool.enc({ count: 40 })));
    const grants = results.flatMap((result) => (result.ok ? [result.value] : []));
    expect(grants).toHaveLength(51); // 51 x 40 x 32 bytes fit into 64 KiB
    expect(new Set(grants.flatMap(keysOf)).size).toBe(51 * 40);
    expect(new Set(grants.flatMap((grant) => grant.keyIds)).size).toBe(51 * 40);
    const twice = await Promise.all(grants.flatMap(({ keyIds }) => [pool.dec(keyIds), pool.dec(keyIds)]));
    expect(twice.filter((result) => result.ok)).toHaveLength(51);
    expect((await pool.status()).ledgerBits).toMatchObject({ delivered: 51 * 40 * 256, pending: 0 });
  });
});

describe("large requests", () => {
  const capacity = { capacity_bytes: 16 * 1024 * 1024, high_bytes: 0, low_bytes: 0 };

  test("one key from each of many large batches, more than the cache holds", async () => {
    const pool = await makePool({ policy: { pool: capacity } });
    for (let i = 0; i < 3; i++) await value(pool.push(`big:${i * 1_048_576}`, randomBytes(1_048_576)));
    const given = [];
    for (let i = 0; i < 40; i++) given.push(await value(pool.enc({ count: 128, sizeBits: 4096 })));
    await pool.evict();
    const taken = await value(pool.dec(given.map((grant, i) => grant.keyIds[i]!)));
    expect(keysOf(taken)).toEqual(given.map((grant, i) => keysOf(grant)[i]));
  });

  test("64 large callers at once all get theirs while there is enough", async () => {
    const pool = await makePool({ policy: { pool: capacity } });
    for (let i = 0; i < 5; i++) await value(pool.push(`big:${i * 1_048_576}`, randomBytes(1_048_576)));
    const results = await Promise.all(
      Array.from({ length: 64 }, async () => await pool.enc({ count: 128, sizeBits: 4096 })),
    );
    expect(results.filter((result) => result.ok)).toHaveLength(64);
  });
});

describe("who may fetch", () => {
  test("only named slaves, once each, by the right master; a refusal consumes nothing", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(65_536)));
    const { keyIds } = await value(pool.enc({ count: 3 }));
    const unknown = crypto.randomUUID() as KeyId;
    expect(await code(pool.dec(keyIds, { sae: C.sae }))).toBe("unauthorised");
    expect(await code(pool.dec(keyIds, { sae: A.sae }))).toBe("unauthorised");
    expect(await code(pool.dec(keyIds, { master: A2.sae }))).toBe("key-not-found");
    expect(await code(pool.dec([...keyIds, unknown]))).toBe("key-not-found");
    expect(await code(pool.dec([unknown]))).toBe("key-not-found");
    const others = await value(pool.enc({ recipients: [{ sae: C.sae, node: pool.high }] }));
    expect(await code(pool.dec([...keyIds, ...others.keyIds]))).toBe("unauthorised");
    expect(
      await code(pool.stub.checkKeys({ configVersion: 0, principal: "x", sae: C.sae, master: A.sae, keyIds })),
    ).toBe("unauthorised");
    await value(pool.dec(keyIds));
    expect(await code(pool.dec(keyIds))).toBe("key-not-found");
  });

  test("multicast: the same key to each recipient once; bits stay pending until the last", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(8192)));
    const recipients = [B, C].map(({ sae }) => ({ sae, node: pool.high }));
    const given = await value(pool.enc({ count: 2, recipients }));
    expect(keysOf(await value(pool.dec(given.keyIds)))).toEqual(keysOf(given));
    expect((await pool.status()).ledgerBits).toMatchObject({ pending: 512, delivered: 0 });
    expect(await code(pool.dec(given.keyIds.slice(0, 1)))).toBe("key-not-found");
    expect(keysOf(await value(pool.dec(given.keyIds, { sae: C.sae })))).toEqual(keysOf(given));
    expect((await pool.status()).ledgerBits).toMatchObject({ pending: 0, delivered: 512 });
  });

  test("multicast to the master's own node goes through that node's pool, under the same IDs", async () => {
    const pool = await makePool();
    await value(pool.push("file:0", randomBytes(8192)));
    const recipients = [
      { sae: B.sae, node: pool.high },
      { sae: A2.sae, node: pool.low },
    ];
    // The Directory knows no such node yet: refused, and nothing consumed.
    expect(await code(pool.enc({ recipients }))).toBe("no-route");
    expect((await pool.status()).ledgerBits).toMatchObject({ voided: 0, pending: 0, reserved: 0, available: 65_536 });

    const local = await makePool({ one: pool.low });
    const given = await value(pool.enc({ recipients, count: 3 }));
    const reversed = given.keyIds.toReversed();
    expect(await code(local.dec(given.keyIds, { sae: C.sae }))).toBe("unauthorised");
    expect(keysOf(await value(local.dec(reversed, { sae: A2.sae }))).toReversed()).toEqual(keysOf(given));
    expect(await code(local.dec(given.keyIds, { sae: A2.sae }))).toBe("key-not-found");
    // Each recipient is known as rightful in both pools, but fetches from its own.
    expect(await code(local.dec(given.keyIds))).toBe("key-not-found");
    expect(await code(pool.dec(given.keyIds, { sae: A2.sae }))).toBe("key-not-found");
    expect(keysOf(await value(pool.dec(given.keyIds)))).toEqual(keysOf(given));
    expect(await pool.status()).toMatchObject({ conserved: true, ledgerBits: { pending: 0, delivered: 768 } });
    expect(await local.status()).toMatchObject({ importedBits: 768, conserved: true });
    expect(await local.sql("SELECT unit FROM unit_data")).toEqual([]);
  });

  test("multicast to another neighbour spends as many bits of pad there", async () => {
    const other = await makePool();
    await value(other.push("file:0", randomBytes(4096)));
    const imported = await other.importKeys({ recipients: [{ sae: C.sae, node: other.high }] });
    expect(imported.ok).toBe(true);
    expect(await other.status()).toMatchObject({
      conserved: true,
      ledgerBits: { pad: 512, available: 4096 * 8 - 512 },
    });
  });

  test("a key announced but still on its way is waited for, then refused", async () => {
    const pool = await makePool({ policy: { dec_wait_ms: 300 } });
    await makePool({ one: pool.low });
    await value(pool.push("file:0", randomBytes(8192)));
    const { keyIds } = await value(pool.enc());
    await pool.sql("UPDATE key_record SET state = 'reserved'");
    await pool.evict(); // what it holds in memory is older
    expect(await code(pool.dec(keyIds))).toBe("key-not-found");
    const waiting = pool.dec(keyIds);
    await pool.sql("UPDATE key_record SET state = 'pending'");
    // Any multicast that completes makes waiting requests look again.
    await value(pool.enc({ recipients: [B, A2].map(({ sae }, i) => ({ sae, node: i === 0 ? pool.high : pool.low })) }));
    await value(waiting);
  });
});

describe("time", () => {
  test("an expired key is gone at once; the alarm only erases", async () => {
    stopClock();
    const pool = await makePool({ policy: { key_ttl_s: 60 } });
    await value(pool.push("f:0", randomBytes(4096)));
    const { keyIds } = await value(pool.enc({ count: 2 }));
    vi.setSystemTime(Date.now() + 60_000);
    expect(await code(pool.dec(keyIds))).toBe("key-not-found");
    await alarm(pool.stub);
    expect((await pool.status()).ledgerBits).toMatchObject({ expired: 512, pending: 0 });
    expect(await pool.sql("SELECT id FROM key_record")).toEqual([]);
  });

  test("a simulated source makes material at the link's rate, up to the high watermark", async () => {
    const pool = await makePool({
      source: "simulated",
      keyRateBps: 100_000_000,
      policy: { pool: { capacity_bytes: 65_536, high_bytes: 16_384, low_bytes: 4096 } },
    });
    await pool.status();
    for (let tick = 0; tick < 3; tick++) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      await alarm(pool.stub);
    }
    expect(await pool.status()).toMatchObject({
      simulated: true,
      level: "high",
      ledgerBits: { available: 16_384 * 8 },
    });
  });

  test("a principal over its rate is told when to come again", async () => {
    const pool = await makePool({ policy: { rate_limit: { requests_per_s: 1, burst: 2 } } });
    await value(pool.push("f:0", randomBytes(4096)));
    await value(pool.enc());
    await value(pool.enc());
    const refused = await pool.enc();
    expect(refused).toMatchObject({ ok: false, error: { code: "rate-limited", retryAfterSeconds: 1 } });
    expect(await code(pool.enc({ principal: "sae:other", count: 1000 }))).toBe("not-enough-keys");
  });
});

describe("repeats (delivery_grace_s)", () => {
  const idempotency = { key: "k-1", requestDigest: "d".repeat(64) };

  test("the same principal gets the same container again, nobody else ever, and only while the grace lasts", async () => {
    stopClock();
    const pool = await makePool({ policy: { delivery_grace_s: 60 } });
    await value(pool.push("f:0", randomBytes(65_536)));
    const [first, again] = await Promise.all([
      value(pool.enc({ count: 5, idempotency })),
      value(pool.enc({ count: 5, idempotency })),
    ]);
    expect(again).toEqual(first);
    expect(await code(pool.enc({ count: 5, idempotency: { ...idempotency, requestDigest: "e".repeat(64) } }))).toBe(
      "idempotency-mismatch",
    );
    const [taken, retaken] = await Promise.all([
      value(pool.dec(first.keyIds, { idempotency })),
      value(pool.dec(first.keyIds, { idempotency })),
    ]);
    expect(keysOf(taken)).toEqual(keysOf(first));
    expect(retaken).toEqual(taken);
    await pool.evict();
    expect(await value(pool.enc({ count: 5, idempotency }))).toEqual(first);
    // Of a multicast that is still being handed out, nothing is given to a repeat.
    await pool.sql("UPDATE key_record SET state = 'reserved'");
    expect(await code(pool.enc({ count: 5, idempotency }))).toBe("not-enough-keys");
    await pool.sql("UPDATE key_record SET state = 'held'");
    expect(await code(pool.dec(first.keyIds))).toBe("key-not-found");
    expect(await code(pool.dec(first.keyIds, { sae: C.sae, principal: "sae:sae-c", idempotency }))).toBe(
      "unauthorised",
    );
    vi.setSystemTime(Date.now() + 60_000);
    expect(await code(pool.dec(first.keyIds, { idempotency }))).toBe("key-not-found");
    await alarm(pool.stub);
    expect(await pool.sql("SELECT id FROM key_record")).toEqual([]);
    expect((await pool.status()).ledgerBits).toMatchObject({ delivered: 1280, expired: 0 });
  });
});

describe("voiding", () => {
  test("takes back an SAE's keys, in steps, and leaves the others theirs", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(65_536)));
    const mine = await value(pool.enc({ count: 4 }));
    await value(pool.dec(mine.keyIds.slice(0, 1)));
    const shared = await value(pool.enc({ count: 2, recipients: [B, C].map(({ sae }) => ({ sae, node: pool.high })) }));
    const count = async () => (await value(pool.stub.countPending({ sae: B.sae, after: 0 }))).keys;
    expect(await count()).toBe(5);
    await value(pool.stub.voidPending({ sae: B.sae, reason: "test", after: 0 }));
    expect(await count()).toBe(0);
    expect(await code(pool.dec(mine.keyIds.slice(1)))).toBe("key-not-found");
    expect(keysOf(await value(pool.dec(shared.keyIds, { sae: C.sae })))).toEqual(keysOf(shared));
    expect((await pool.status()).ledgerBits).toMatchObject({ voided: 3 * 256, delivered: 3 * 256, pending: 0 });
    // Both recipients of a multicast voided, one after the other: nobody was delivered anything.
    await value(pool.enc({ recipients: [B, C].map(({ sae }) => ({ sae, node: pool.high })) }));
    for (const { sae } of [B, C]) await value(pool.stub.voidPending({ sae, reason: "test", after: 0 }));
    expect((await pool.status()).ledgerBits).toMatchObject({ voided: 4 * 256, delivered: 3 * 256, pending: 0 });
  });

  test("of everything leaves neither keys nor material", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(65_536)));
    await value(pool.enc({ count: 4 }));
    let after: number | null = 0;
    for (let step = 0; after !== null && step < 10; step++) {
      after = (await value(pool.stub.voidPending({ sae: null, reason: "link removed", after }))).next;
    }
    expect(after).toBeNull();
    expect(await pool.status()).toMatchObject({ conserved: true, ledgerBits: { voided: 65_536 * 8, available: 0 } });
    expect(await pool.sql("SELECT id FROM unit")).toEqual([]);
    expect(await pool.sql("SELECT unit FROM unit_data")).toEqual([]);
  });
});

describe("audit", () => {
  test("tells of each request, never of key bytes", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(4096)));
    const given = await value(pool.enc({ count: 2 }));
    await value(pool.dec(given.keyIds));
    await code(pool.dec(given.keyIds));
    const rows = await pool.sql<{ events: string }>("SELECT events FROM audit_outbox");
    const text = rows.map((row) => row.events).join("");
    for (const act of ["block.ingested", "keys.enc", "keys.dec", "keys.refused"]) expect(text).toContain(act);
    for (const key of keysOf(given)) expect(text).not.toContain(key.slice(0, 8));
  });
});
