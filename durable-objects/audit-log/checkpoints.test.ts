/** Signed checkpoints, and records that go for their age. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AuditKey } from "../../shared/audit/checkpoint.ts";
import type { AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import { type AuditItem, verifyLog } from "../../shared/audit/verify.ts";
import { LIMITS } from "../../shared/limits.ts";
import { NETWORK } from "../../test/support/in-workerd-network.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { verifyEd25519 } from "../signing/ed25519.ts";
import { AuditLog } from "./audit-log.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
const { DIRECTORY } = env as unknown as ObjectsEnv;
const DAY_MS = 24 * 3600 * 1000;
let count = 0;
const newName = () => `signed-${(count += 1)}`;
type Log = ReturnType<typeof AUDIT_LOG.getByName>;

const sendTo = async (log: Pick<AuditLog, "append">, from: number, to: number): Promise<void> => {
  const events = Array.from({ length: to - from + 1 }, (_, at): AuditEvent => ({
    atMs: from + at,
    act: "keys.enc",
    who: "sae:a",
    node: "n",
    detail: {},
  }));
  await log.append({ source: "pool", firstSeq: from, events });
};

/** Everything there is, in order. */
async function itemsOf(log: Pick<AuditLog, "read" | "checkpoints">): Promise<AuditItem[]> {
  const items: AuditItem[] = [];
  const { checkpoints } = await log.checkpoints({ after: 0, limit: LIMITS.auditCheckpointsRead });
  for (let after: number | null = 0; after !== null;) {
    const page: Awaited<ReturnType<AuditLog["read"]>> = await log.read({ after, limit: LIMITS.auditReadRecords });
    for (const record of page.records) {
      items.push({ record });
      items.push(...checkpoints.filter(({ index }) => index === record.index).map((checkpoint) => ({ checkpoint })));
    }
    after = page.next;
  }
  return items;
}

/** Of this result's type TypeScript makes too much when it goes through a stub. */
const made = async (log: unknown) => await (log as AuditLogRpc).makeCheckpoint();

async function verdictOf(log: Log, node: string) {
  const { start, head } = await log.state();
  const keys = new Map((await log.keys()).map((key): [string, AuditKey] => [key.key, key]));
  const known = { node, keys, verifyEd25519, start, isRetired: true, pin: null, lastIndex: head.index };
  return await verifyLog(known, await itemsOf(log));
}

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

describe("checkpoints", () => {
  it("are made by the alarm some time after what none covers, and chain on over restarts", async () => {
    const name = newName();
    const log = AUDIT_LOG.getByName(name);
    await sendTo(log, 1, 5);
    expect(await log.state()).toMatchObject({ head: { index: 5 }, checkpoint: null, isSigned: true });
    vi.setSystemTime(Date.now() + LIMITS.auditCheckpointMs);
    expect(await runDurableObjectAlarm(log)).toBe(true);
    expect(await log.state()).toMatchObject({ checkpoint: { number: 1, index: 5, node: name } });
    await evictDurableObject(log);
    await sendTo(log, 6, 70);
    vi.setSystemTime(Date.now() + LIMITS.auditCheckpointMs);
    expect(await runDurableObjectAlarm(log)).toBe(true);
    expect(await log.state()).toMatchObject({ checkpoint: { number: 2, index: 70 } });
    expect(await verdictOf(log, name)).toMatchObject({ flaw: null, records: 70, checkpoints: 2, signedIndex: 70 });
  });

  it("are made at once where very much came, without anybody asking", async () => {
    const log = AUDIT_LOG.getByName(newName());
    for (let from = 1; from <= LIMITS.auditCheckpointRecords; from += 1000) await sendTo(log, from, from + 999);
    await expect.poll(async () => (await log.state()).checkpoint?.index ?? 0).toBeGreaterThan(16_000);
  });

  it("are made for who asks, once for the same records", async () => {
    const name = newName();
    const log = AUDIT_LOG.getByName(name);
    await sendTo(log, 1, 3);
    const asked = [made(log), made(log)];
    for (const each of asked)
      expect(await each).toMatchObject({ ok: true, value: { checkpoint: { number: 1, index: 3 } } });
    await sendTo(log, 4, 4);
    expect(await made(log)).toMatchObject({ ok: true, value: { checkpoint: { number: 2, index: 4 } } });
    expect((await log.checkpoints({ after: 1, limit: 5 })).checkpoints).toMatchObject([{ number: 2 }]);
    expect(await log.checkpoints({ after: 0, limit: 1 })).toMatchObject({ checkpoints: [{ number: 1 }], next: 1 });
    expect(await verdictOf(log, name)).toMatchObject({ flaw: null, signedIndex: 4 });
  });

  it("cover nothing else than was there: a row changed behind the log's back shows", async () => {
    const name = newName();
    const log = AUDIT_LOG.getByName(name);
    await sendTo(log, 1, 40);
    await made(log);
    await sendTo(log, 41, 50);
    await runInDurableObject(log, (_, { storage }) => {
      storage.sql.exec("UPDATE checkpoint SET text = replace(text, '\"index\":40', '\"index\":39')");
    });
    expect((await verdictOf(log, name)).flaw).not.toBeNull();
  });

  it("are not made without an identity, and the log says so, once", async () => {
    await runInDurableObject(AUDIT_LOG.getByName(newName()), async (_, ctx) => {
      const log = new AuditLog(ctx, { ...(env as unknown as ObjectsEnv), QKD_IDENTITY_SEED: "" });
      await sendTo(log, 1, 3);
      for (const from of [4, 7]) {
        vi.setSystemTime(Date.now() + LIMITS.auditCheckpointMs);
        await log.alarm();
        await sendTo(log, from, from + 2);
      }
      expect(await log.state()).toMatchObject({ isSigned: false, checkpoint: null });
      expect(await log.makeCheckpoint()).toMatchObject({ ok: false, error: { code: "conflict" } });
      expect(await log.keys()).toEqual([]);
      const { records } = await log.read({ after: 0, limit: 100 });
      const told = records.filter(({ source }) => source === "audit-log");
      expect(told).toMatchObject([{ act: "alarm.raised", detail: { code: "audit-unsigned" } }]);
    });
  });
});

/** Puts a network whose policy says so many days; 0: nothing. */
async function days(audit_retention_days: number): Promise<void> {
  const directory = DIRECTORY.getByName(DIRECTORY_NAME);
  const [last] = await directory.versions();
  const policy = { ...NETWORK.policy, ...(audit_retention_days > 0 && { audit_retention_days }) };
  const call = { document: { ...NETWORK, policy }, ifMatch: last?.version ?? 0, by: "operator:op" };
  expect(await directory.putNetwork(call)).toMatchObject({ ok: true });
}

describe("records past their age", () => {
  it("go up to a checkpoint, which stays, and that is a record itself", async () => {
    await days(7);
    const name = newName();
    const log = AUDIT_LOG.getByName(name);
    await sendTo(log, 1, 600);
    await made(log);
    vi.setSystemTime(Date.now() + 4 * DAY_MS);
    await sendTo(log, 601, 650);
    await made(log);
    vi.setSystemTime(Date.now() + 4 * DAY_MS);
    await runDurableObjectAlarm(log);
    const { start } = await log.state();
    expect(start).toMatchObject({ number: 1, index: 600 });
    const { records } = await log.read({ after: 0, limit: 1000 });
    expect(records[0]?.index).toBe(601);
    expect(records.at(-1)).toMatchObject({
      act: "audit.retired",
      source: "audit-retention",
      detail: { from_index: 1, to_index: 600, checkpoint: 1, days: 7 },
    });
    expect(await verdictOf(log, name)).toMatchObject({ flaw: null, records: 51 });
    await expect.poll(async () => await rowsOf(log)).toBe(2);
    await sendTo(log, 651, 651);
    expect(await verdictOf(log, name)).toMatchObject({ flaw: null, records: 52 });
  });

  it("stay where the policy says nothing, and nothing goes for the sake of what tells of it", async () => {
    await days(0);
    const log = AUDIT_LOG.getByName(newName());
    await sendTo(log, 1, 3);
    await made(log);
    vi.setSystemTime(Date.now() + 90 * DAY_MS);
    await runDurableObjectAlarm(log);
    expect((await log.state()).start).toBeNull();
    await days(1);
    for (let day = 0; day < 4; day++) {
      vi.setSystemTime(Date.now() + 2 * DAY_MS);
      await runDurableObjectAlarm(log);
      await made(log);
    }
    expect(await log.state()).toMatchObject({ start: { index: 3 }, head: { index: 4 } });
  });
});

const rowsOf = async (log: Log): Promise<number> =>
  await runInDurableObject(log, (_, { storage }) =>
    Number(storage.sql.exec("SELECT count(*) AS n FROM runs").one()["n"]),
  );

it("keeps what those without an outbox tell, numbered as of its own", async () => {
  const log = AUDIT_LOG.getByName(newName());
  const told = { atMs: 7, act: "access.refused", who: "unknown", node: "elsewhere", detail: { times: 3 } };
  await log.note([told, told]);
  await log.note([told]);
  const { records } = await log.read({ after: 0, limit: 10 });
  expect(records.map(({ source, seq, node }) => `${source} ${seq} ${node}`)).toHaveLength(3);
  expect(records[2]).toMatchObject({ source: "audit-log", seq: 3, atMs: 7, who: "unknown", detail: { times: 3 } });
});
