/** What a source that was put back from a copy can learn of itself. */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { AuditEvent, AuditLogRpc, ReportedCall } from "../../shared/audit/event.ts";
import type { ObjectsEnv } from "../env.ts";

const { AUDIT_LOG } = env as unknown as ObjectsEnv;
const event = (n: number): AuditEvent => ({ atMs: n, act: "keys.enc", who: "sae:a", node: "n", detail: { n } });

/** Appends events `from` to `to` of a source, in batches of so many. */
async function append(log: AuditLogRpc, source: string, from: number, to: number, batch: number): Promise<void> {
  for (let firstSeq = from; firstSeq <= to; firstSeq += batch) {
    const count = Math.min(batch, to - firstSeq + 1);
    await log.append({ source, firstSeq, events: Array.from({ length: count }, (_, i) => event(firstSeq + i)) });
  }
}

/** Every page. */
async function reported(log: AuditLogRpc, source: string, afterSeq: number) {
  const pages: (readonly number[])[] = [];
  let call: ReportedCall | null = { source, afterSeq };
  while (call !== null) {
    const page: Awaited<ReturnType<AuditLogRpc["reported"]>> = await log.reported(call);
    expect(page.records.every((record) => record.source === source)).toBe(true);
    pages.push(page.records.map(({ seq }) => seq));
    call = page.next === null ? null : { source, afterSeq, after: page.next };
  }
  return pages;
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

it("is all that it reported after a number, page by page, whatever others reported meanwhile", async () => {
  const log = AUDIT_LOG.getByName("reported-pages");
  for (let from = 1; from <= 300; from += 30) {
    await append(log, "key-pool:a", from, from + 29, 7);
    await append(log, "key-pool:b", from, from + 29, 11);
  }
  const pages = await reported(log, "key-pool:a", 64);
  expect(pages.length).toBeGreaterThan(2);
  expect(pages.flat()).toEqual(numbers(65, 300));
  expect((await reported(log, "key-pool:a", 300)).flat()).toEqual([]);
  expect((await reported(log, "key-pool:c", 0)).flat()).toEqual([]);
});

it("holds what was reported twice under one number, and tells the highest number alone", async () => {
  const log = AUDIT_LOG.getByName("reported-twice");
  await append(log, "key-pool:a", 1, 40, 10);
  await log.append({ source: "key-pool:a", firstSeq: 21, events: [event(1021), event(1022)] });
  const again = (await reported(log, "key-pool:a", 20)).flat();
  expect(new Set(again)).toEqual(new Set(numbers(21, 40)));
  expect(again.filter((seq) => seq === 21)).toHaveLength(2);
  expect(await log.reported({ source: "key-pool:a", afterSeq: null })).toEqual({
    storedSeq: 40,
    records: [],
    next: null,
  });
});
