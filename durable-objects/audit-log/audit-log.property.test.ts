import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { firstBreak } from "../../shared/audit/chain.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import type { AuditLog } from "./audit-log.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
let count = 0;

interface Sent {
  readonly source: string;
  /** From the last number stored: 1 goes on, more leaves a gap, less repeats. */
  readonly step: number;
  /** Few values, so that repeats are the same as well as others. */
  readonly values: readonly string[];
  readonly asText: boolean;
}

/** What a log has to do, said in the plainest way: a list of "source seq word". */
class Model {
  readonly lines: string[] = [];
  readonly last: Record<string, number> = {};

  append(source: string, firstSeq: number, values: readonly string[]): number {
    const last = this.last[source] ?? 0;
    if (values.length === 0) return last;
    const own = values.map((value, at) => ({ seq: firstSeq + at, line: `${source} ${firstSeq + at} ${value}` }));
    const known = new Set(this.lines);
    const changed = own.filter(({ seq, line }) => seq <= last && !known.has(line));
    if (firstSeq > last + 1) this.lines.push(`${source} ${firstSeq - 1} audit.gap`);
    if (changed.length > 0) this.lines.push(`${source} ${firstSeq - 1} audit.conflict`);
    this.lines.push(...[...changed, ...own.filter(({ seq }) => seq > last)].map(({ line }) => line));
    this.last[source] = Math.max(last, firstSeq + values.length - 1);
    return this.last[source];
  }
}

const sent: fc.Arbitrary<Sent> = fc.record({
  source: fc.constantFrom("a", "b"),
  step: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: -60, max: 4 })),
  values: fc.array(fc.constantFrom("x", "x", "x", "y"), { maxLength: 70 }),
  asText: fc.boolean(),
});

it("keeps each event once, in order, with gaps and conflicts noted, and the chain whole", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(sent, { minLength: 1, maxLength: 8 }), async (batches) => {
      const log = AUDIT_LOG.getByName(`model-${(count += 1)}`);
      const model = new Model();
      for (const { source, step, values, asText } of batches) {
        const firstSeq = Math.max(1, (model.last[source] ?? 0) + step);
        const events = values.map((act): AuditEvent => ({ atMs: 1, act, who: "system", node: "n", detail: {} }));
        const { storedSeq } = await log.append({ source, firstSeq, events: asText ? JSON.stringify(events) : events });
        expect(storedSeq).toBe(model.append(source, firstSeq, values));
      }
      const { records, next } = await log.read({ after: 0, limit: 1000 });
      expect(next).toBeNull();
      expect(records.map(({ source, seq, act }) => `${source} ${seq} ${act}`)).toEqual(model.lines);
      expect(firstBreak(records)).toBeNull();
    }),
    { numRuns: 60 },
  );
});
