import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { auditOf, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { Database } from "../storage/database.ts";
import { StandingAlarms } from "./standing-alarms.ts";

/** The alarms of a real pool's storage, with the audit events they would leave in its commits. */
async function within<T>(pool: TestPool, work: (alarms: StandingAlarms, events: AuditEvent[]) => T): Promise<T> {
  // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
  return await runInDurableObject(pool.stub as any, (_: unknown, state: DurableObjectState) => {
    const events: AuditEvent[] = [];
    const audit = (event: AuditEvent) => void events.push(event);
    return work(new StandingAlarms(new Database(state.storage), { audit }, pool.pair), events);
  });
}

const started = async (): Promise<TestPool> => {
  const pool = await makePool();
  await pool.status();
  return pool;
};

describe("standing alarms", () => {
  test("count their causes, and are told to the audit log at first and then once a minute", async () => {
    await within(await started(), (alarms, events) => {
      for (const nowMs of [1000, 2000, 60_999]) alarms.raise("stuck", "record 1", `at ${nowMs}`, { nowMs });
      alarms.raise("stuck", "record 2", "another", { nowMs: 2500, times: 7 });
      expect(events).toHaveLength(2);
      expect(events[0]).toMatchObject({
        act: "alarm.raised",
        who: "system",
        atMs: 1000,
        detail: { code: "stuck", subject: "record 1", count: 1, detail: "at 1000" },
      });
      alarms.raise("stuck", "record 1", "again", { nowMs: 61_000 });
      expect(events[2]).toMatchObject({ atMs: 61_000, detail: { count: 4, detail: "again" } });
      expect(alarms.list()).toEqual([
        { code: "stuck", subject: "record 1", firstMs: 1000, lastMs: 61_000, count: 4, detail: "again" },
        { code: "stuck", subject: "record 2", firstMs: 2500, lastMs: 2500, count: 7, detail: "another" },
      ]);
    });
  });

  test("end when they are cleared, by code or one of them, and begin anew after that", async () => {
    await within(await started(), (alarms, events) => {
      alarms.raise("stuck", "record 1", "x", { nowMs: 1 });
      alarms.raise("stuck", "record 2", "x", { nowMs: 2 });
      alarms.raise("epoch-overdue", "epoch 3", "x", { nowMs: 3 });
      expect(alarms.clear("epoch-overdue", "epoch 4", "system", 4)).toBe(0);
      expect(alarms.clear("epoch-overdue", "epoch 3", "system", 5)).toBe(1);
      expect(alarms.clear("stuck", null, "operator:op", 6)).toBe(2);
      expect(alarms.list()).toEqual([]);
      expect(events.slice(3).map(({ act, who, detail }) => [act, who, detail["subject"]])).toEqual([
        ["alarm.cleared", "system", "epoch 3"],
        ["alarm.cleared", "operator:op", "record 1"],
        ["alarm.cleared", "operator:op", "record 2"],
      ]);
      alarms.raise("stuck", "record 1", "x", { nowMs: 7 });
      expect(events.at(-1)).toMatchObject({ act: "alarm.raised", detail: { count: 1 } });
      expect(alarms.list()).toMatchObject([{ firstMs: 7, count: 1 }]);
    });
  });

  test("are bounded: in number, the quietest goes, and in length", async () => {
    await within(await started(), (alarms) => {
      for (let i = 0; i < LIMITS.poolAlarms; i++) alarms.raise("stuck", `record ${i}`, "x", { nowMs: i });
      alarms.raise("stuck", "record 0", "y".repeat(5000), { nowMs: 500 });
      alarms.raise("twin-missing", "tn-2", "x", { nowMs: 501 });
      const subjects = alarms.list().map(({ subject }) => subject);
      expect(subjects).toHaveLength(LIMITS.poolAlarms);
      expect(subjects.slice(0, 2)).toEqual(["tn-2", "record 0"]);
      expect(subjects).not.toContain("record 1");
      expect(alarms.list()[1]?.detail).toHaveLength(LIMITS.alarmDetailChars);
    });
  });

  test("tell of a key record that cannot be expired; the others are", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(8192)));
    for (let unit = 0; unit < 2; unit++) await value(pool.enc({ count: 128 }));
    await pool.sql("DELETE FROM unit WHERE id = 1");
    await pool.sql("UPDATE key_record SET expires_ms = 1");
    await pool.evict();
    const states = async () => {
      // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
      await runDurableObjectAlarm(pool.stub as any);
      return await pool.sql("SELECT id, state FROM key_record");
    };
    await expect.poll(states, { timeout: 10_000 }).toEqual([{ id: 1, state: "stuck" }]);
    expect(await pool.status()).toMatchObject({
      conserved: true,
      ledgerBits: { pending: 32_768, expired: 32_768 },
      alarms: [{ code: "stuck", subject: "key record 1", count: 1 }],
    });
  });

  test("show in the pool's status until an operator clears them", async () => {
    const pool = await makePool({ feed: "two-ended" });
    await value(pool.push("f:0", randomBytes(4096)));
    await value(pool.push("f:0", randomBytes(4096), pool.high));
    await pool.evict();
    expect((await pool.status()).alarms).toMatchObject([{ code: "twin-mismatch", subject: "f", count: 1 }]);
    const clear = { configVersion: 0, principal: "operator:op", code: "twin-mismatch" } as const;
    expect(await value(pool.stub.clearAlarms(clear))).toEqual({ cleared: 1 });
    expect(await value(pool.stub.clearAlarms(clear))).toEqual({ cleared: 0 });
    expect((await pool.status()).alarms).toEqual([]);
    await expect
      .poll(async () => (await auditOf(pool)).filter(({ act }) => act.startsWith("alarm.")), { timeout: 10_000 })
      .toMatchObject([
        { act: "alarm.raised", who: "system" },
        { act: "alarm.cleared", who: "operator:op" },
      ]);
  });
});
