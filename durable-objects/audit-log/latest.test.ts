import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import type { AuditEvent, AuditRecord } from "../../shared/audit/event.ts";
import type { AuditLog } from "./audit-log.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
const event = (n: number): AuditEvent => ({ atMs: n, act: "keys.enc", who: "sae:a", node: "tn-1", detail: { n } });

it("tells the newest records above an index, in order, and none that is not there", async () => {
  const log = AUDIT_LOG.getByName("latest");
  const indices = async (after: number, limit: number): Promise<number[]> => {
    const records: readonly AuditRecord[] = await log.latest({ after, limit });
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
