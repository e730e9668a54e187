import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { chainHash, CHAIN_START, firstBreak } from "../../shared/audit/chain.ts";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
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
    expect(records[0]?.hash).toBe(chainHash(CHAIN_START, records[0] as AuditRecord));
  });

  it("shows what was changed behind its back", async () => {
    const log = newLog();
    await log.append(batch(1, [1, 2, 3]));
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE records SET who = 'sae:b' WHERE idx = 2");
    });
    expect(firstBreak(await all(log))).toBe(2);
  });

  it("is read in pages", async () => {
    const log = newLog();
    await log.append(batch(1, [1, 2, 3, 4, 5]));
    const pages: number[][] = [];
    let after: number | null = 0;
    while (after !== null) {
      const page: { readonly records: readonly AuditRecord[]; readonly next: number | null } = await log.read({
        after,
        limit: 2,
      });
      pages.push(page.records.map(({ index }) => index));
      after = page.next;
    }
    expect(pages).toEqual([[1, 2], [3, 4], [5]]);
    expect((await log.read({ after: 0, limit: -1 })).records.length).toBe(1);
  });
});
