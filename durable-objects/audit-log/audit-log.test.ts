import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { chainHash, CHAIN_START, firstBreak } from "../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { AuditLog } from "./audit-log.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
let count = 0;
const newLog = () => AUDIT_LOG.getByName(`log-${(count += 1)}`);
const event = (n: number): AuditEvent => ({ atMs: n, act: "keys.enc", who: "sae:a", node: "tn-1", detail: { n } });
const batch = (firstSeq: number, numbers: number[], source = "pool") => ({
  source,
  firstSeq,
  events: numbers.map((n) => event(n)),
});

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

async function pagesOf(log: ReturnType<typeof newLog>, limit: number): Promise<AuditRecord[][]> {
  const pages: AuditRecord[][] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: Awaited<ReturnType<AuditLog["read"]>> = await log.read({ after, limit });
    pages.push([...page.records]);
    after = page.next;
  }
  return pages;
}

async function all(log: ReturnType<typeof newLog>): Promise<AuditRecord[]> {
  const { records } = await log.read({ after: 0, limit: 1000 });
  return [...records];
}
const brief = (records: readonly AuditRecord[]) => records.map(({ source, seq, act }) => `${source} ${seq} ${act}`);

describe("AuditLog", () => {
  it("stores each (source, seq) once, whatever is sent again", async () => {
    const log = newLog();
    expect(await log.append(batch(1, [1, 2]))).toEqual({ storedSeq: 2 });
    expect(await log.append(batch(1, [1, 2]))).toEqual({ storedSeq: 2 });
    expect(await log.append(batch(2, [2, 3]))).toEqual({ storedSeq: 3 });
    expect(await log.append(batch(1, [7], "other"))).toEqual({ storedSeq: 1 });
    const records = await all(log);
    expect(brief(records)).toEqual(["pool 1 keys.enc", "pool 2 keys.enc", "pool 3 keys.enc", "other 1 keys.enc"]);
    expect(firstBreak(records)).toBeNull();
  });

  it("notes a gap in the chain", async () => {
    const log = newLog();
    await log.append(batch(1, [1]));
    expect(await log.append(batch(4, [4]))).toEqual({ storedSeq: 4 });
    const records = await all(log);
    expect(brief(records)).toEqual(["pool 1 keys.enc", "pool 3 audit.gap", "pool 4 keys.enc"]);
    expect(records[1]?.detail).toEqual({ fromSeq: 2, toSeq: 3 });
    expect(firstBreak(records)).toBeNull();
  });

  it("keeps and notes other events under numbers already used, once", async () => {
    const log = newLog();
    await log.append(batch(1, [1, 2, 3]));
    expect(await log.append(batch(2, [20, 30]))).toEqual({ storedSeq: 3 });
    await log.append(batch(2, [20, 30]));
    expect(brief(await all(log)).slice(3)).toEqual(["pool 1 audit.conflict", "pool 2 keys.enc", "pool 3 keys.enc"]);
  });

  it("takes an empty batch for nothing", async () => {
    const log = newLog();
    expect(await log.append(batch(5, []))).toEqual({ storedSeq: 0 });
    expect(await all(log)).toEqual([]);
  });

  it("goes on with the chain after a restart", async () => {
    const log = newLog();
    await log.append(batch(1, [1, 2]));
    await evictDurableObject(log);
    await log.append(batch(3, [3]));
    const records = await all(log);
    expect(firstBreak(records)).toBeNull();
    expect(records[0]?.hash).toBe(chainHash(CHAIN_START, records.slice(0, 2)));
  });

  it("takes events as the text an outbox holds", async () => {
    const [asText, asList] = [newLog(), newLog()];
    const sent = batch(1, range(1, 40));
    expect(await asText.append({ ...sent, events: JSON.stringify(sent.events) })).toEqual({ storedSeq: 40 });
    await asList.append(sent);
    expect(await all(asText)).toEqual(await all(asList));
  });

  it("is read in pages", async () => {
    const log = newLog();
    await log.append(batch(1, [1, 2, 3, 4, 5]));
    const pages = await pagesOf(log, 2);
    expect(pages.map((page) => page.map(({ index }) => index))).toEqual([[1, 2], [3, 4], [5]]);
    expect((await log.read({ after: 0, limit: -1 })).records.length).toBe(1);
    expect(await log.read({ after: 5, limit: 2 })).toEqual({ records: [], next: null });
  });

  it("has pages that can be verified one by one, in bundles of neighbours", async () => {
    const log = newLog();
    for (const firstSeq of [1, 101, 201]) await log.append(batch(firstSeq, range(firstSeq, firstSeq + 99)));
    const pages = await pagesOf(log, 50);
    expect(pages.flat().map(({ index }) => index)).toEqual(range(1, 300));
    expect(pages[0]).toHaveLength(32);
    let hash = CHAIN_START;
    for (const page of pages) {
      expect(page.length).toBeLessThanOrEqual(50);
      expect(firstBreak(page, hash)).toBeNull();
      hash = page.at(-1)?.hash ?? "";
    }
  });

  it("cuts what is too much for a row", async () => {
    const log = newLog();
    const long = range(1, 30).map((n) => ({ ...event(n), detail: { text: "\u20ac".repeat(30_000) } }));
    await log.append({ source: "long", firstSeq: 1, events: long });
    await log.append(batch(1, range(1, LIMITS.auditBatchEvents + 1)));
    const sizes = await runInDurableObject(log, (_, { storage }) =>
      storage.sql
        .exec<{ chars: number; records: number }>(
          "SELECT length(texts) AS chars, length(checks) / 4 AS records FROM runs",
        )
        .toArray(),
    );
    expect(sizes).toHaveLength(4);
    for (const { chars, records } of sizes) {
      expect(chars).toBeLessThanOrEqual(LIMITS.auditBatchChars + records);
      expect(records).toBeLessThanOrEqual(LIMITS.auditBatchEvents);
    }
    const records = (await pagesOf(log, 1000)).flat();
    expect(records).toHaveLength(30 + LIMITS.auditBatchEvents + 1);
    expect(firstBreak(records)).toBeNull();
  });
});
