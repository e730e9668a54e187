import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { AuditLog } from "./audit-log.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
const event = (n: number): AuditEvent => ({ atMs: n, act: "keys.enc", who: "sae:a", node: "tn-1", detail: { n } });
const dropped: AuditEvent = { atMs: 1, act: "audit.dropped", who: "system", node: "tn-1", detail: { events: 3 } };

it("tells the newest records above an index, in order, and none that is not there", async () => {
  const log = AUDIT_LOG.getByName("latest");
  const indices = async (after: number, limit: number): Promise<number[]> => {
    const { records } = await log.latest({ after, limit });
    return records.map(({ index }) => index);
  };
  expect(await indices(0, 3)).toEqual([]);
  await log.append({ source: "pool", firstSeq: 1, events: [1, 2, 3, 4, 5].map(event) });
  await log.append({ source: "other", firstSeq: 1, events: [6].map(event) });
  expect(await indices(0, 3)).toEqual([4, 5, 6]);
  expect(await indices(4, 3)).toEqual([5, 6]);
  expect(await indices(6, 3)).toEqual([]);
  expect(await indices(0, 100)).toEqual([1, 2, 3, 4, 5, 6]);
});

it("tells what was amiss, however many records have come since", async () => {
  const log = AUDIT_LOG.getByName("amiss");
  const faults = async () => (await log.latest({ after: 0, limit: 2 })).faults.map(({ act, index }) => [act, index]);
  await log.append({ source: "pool", firstSeq: 1, events: [event(1)] });
  expect(await faults()).toEqual([]);
  // Numbers left out: the note stands before a batch that is longer than any look.
  await log.append({ source: "pool", firstSeq: 4, events: Array.from({ length: 50 }, (_, n) => event(n)) });
  expect(await faults()).toEqual([["audit.gap", 2]]);
  await log.append({ source: "other", firstSeq: 1, events: [event(1), dropped, event(2), event(3)] });
  await log.append({ source: "other", firstSeq: 1, events: [event(7)] });
  expect(await faults()).toEqual([
    ["audit.gap", 2],
    ["audit.dropped", 54],
    ["audit.conflict", 57],
  ]);
  await log.append({ source: "pool", firstSeq: 60, events: [event(1)] });
  expect(Object.fromEntries(await faults())).toMatchObject({ "audit.gap": 59 });
});

it("tells of records that cannot be read, once somebody has met them", async () => {
  const log = AUDIT_LOG.getByName("unreadable");
  await log.append({ source: "pool", firstSeq: 1, events: [event(1), event(2)] });
  await log.append({ source: "pool", firstSeq: 3, events: [event(3)] });
  await runInDurableObject(log as never, (_: unknown, { storage }: DurableObjectState) => {
    storage.sql.exec("UPDATE runs SET texts = 'x' WHERE last_index = 3");
  });
  const { faults } = await log.latest({ after: 0, limit: 3 });
  expect(faults).toEqual([{ act: "audit.unreadable", index: 3, atMs: expect.any(Number) }]);
  await evictDurableObject(log);
  expect((await log.latest({ after: 0, limit: 3 })).faults).toEqual(faults);
  await log.append({ source: "pool", firstSeq: 4, events: [event(4)] });
  expect((await log.latest({ after: 3, limit: 3 })).faults).toEqual(faults);
});
