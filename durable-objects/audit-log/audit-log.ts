/**
 * The audit log of one node (or of the deployment): append-only and hash-chained.
 *
 * Sources number their events; what arrives twice is stored once, and a number left out is noted in the chain itself
 * (`audit.gap`), so that the log shows what it lacks; one used again for something else is noted too (`audit.conflict`).
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditBatch, AuditEvent, AuditLogRpc, AuditRecord, ReportedCall } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database, storedJson } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { MIGRATIONS } from "./schema.ts";
import { AuditStore } from "./store.ts";

export class AuditLog extends DurableObject<ObjectsEnv> implements AuditLogRpc {
  readonly #store: AuditStore;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    this.#store = new AuditStore(db);
  }

  async append(batch: AuditBatch): Promise<{ readonly storedSeq: number }> {
    const { source, firstSeq } = batch;
    const events = typeof batch.events === "string" ? storedJson<AuditEvent[]>(batch.events) : batch.events;
    return this.#store.transaction(() => {
      const storedSeq = this.#store.lastSeq(source);
      if (events.length === 0) return { storedSeq };
      const numbered = events.map((event, offset) => ({ seq: firstSeq + offset, event }));
      const fresh = numbered.filter(({ seq }) => seq > storedSeq);
      const repeats = numbered.filter(({ seq }) => seq <= storedSeq);
      const changed = repeats.length === 0 ? [] : this.#store.changed(source, repeats);
      const lastSeq = Math.max(storedSeq, firstSeq + events.length - 1);
      // The log's own word, chained like any other, under the number before the batch it is about.
      const notes = notesOn(firstSeq, storedSeq, changed.length).map(({ act, detail }) => ({
        seq: firstSeq - 1,
        event: { atMs: Date.now(), act, who: "system", node: events[0]?.node ?? "", detail },
      }));
      this.#store.append(source, [...notes, ...changed, ...fresh]);
      this.#store.setLastSeq(source, lastSeq);
      return { storedSeq: lastSeq };
    });
  }

  /**
   * At most LIMITS.auditReadRecords, whole bundles unless not even one fits; `next` is what to pass as `after` for
   * more, null at the end.
   */
  async read({ after, limit }: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    readonly next: number | null;
  }> {
    const bounded = Math.max(1, Math.min(limit, LIMITS.auditReadRecords));
    const found = this.#store.after(after, bounded + 1);
    if (found.length <= bounded) return { records: found, next: null };
    const { hash } = found[bounded] ?? {};
    const whole = found.findIndex((record) => record.hash === hash);
    const records = found.slice(0, whole > 0 ? whole : bounded);
    return { records, next: records.at(-1)?.index ?? null };
  }

  async reported({ source, afterSeq, after }: ReportedCall): ReturnType<AuditLogRpc["reported"]> {
    const storedSeq = this.#store.lastSeq(source);
    if (afterSeq === null) return { storedSeq, records: [], next: null };
    return { storedSeq, ...this.#store.ofSource(source, afterSeq, after) };
  }
}

/** What is amiss with a batch. */
function notesOn(firstSeq: number, storedSeq: number, changed: number): Pick<AuditEvent, "act" | "detail">[] {
  if (firstSeq > storedSeq + 1) return [{ act: "audit.gap", detail: { fromSeq: storedSeq + 1, toSeq: firstSeq - 1 } }];
  // Numbers used again for other events: the source was rolled back to an older state. Kept, and noted.
  if (changed > 0) return [{ act: "audit.conflict", detail: { events: changed, storedSeq } }];
  return [];
}
