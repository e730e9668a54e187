/**
 * The audit log of one node (or of the deployment): append-only and hash-chained.
 *
 * Sources number their events; what arrives twice is stored once, and a number left out is noted in the chain itself
 * (`audit.gap`), so that the log shows what it lacks; one used again for something else is noted too (`audit.conflict`).
 */
import { DurableObject } from "cloudflare:workers";
import type { AuditBatch, AuditLogRpc, AuditRecord } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
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
    return this.#store.transaction(() => {
      const { source, firstSeq } = batch;
      const events = batch.events.map((event, offset) => ({ seq: firstSeq + offset, event }));
      const storedSeq = this.#store.lastSeq(source);
      if (events.length === 0) return { storedSeq };
      const fresh = events.filter(({ seq }) => seq > storedSeq);
      const changed = events.filter(({ seq, event }) => seq <= storedSeq && !this.#store.has(source, seq, event));
      if (firstSeq > storedSeq + 1) this.#note("audit.gap", batch, { fromSeq: storedSeq + 1, toSeq: firstSeq - 1 });
      // Numbers used again for other events: the source was rolled back to an older state. Kept, and noted.
      if (changed.length > 0) this.#note("audit.conflict", batch, { events: changed.length, storedSeq });
      for (const { seq, event } of [...changed, ...fresh]) this.#store.append(source, seq, event);
      const lastSeq = Math.max(storedSeq, events.at(-1)?.seq ?? 0);
      this.#store.setLastSeq(source, lastSeq);
      return { storedSeq: lastSeq };
    });
  }

  /** The log's own word, chained like any other; `seq` is the number before the batch it is about. */
  #note(act: string, { source, firstSeq, events }: AuditBatch, detail: AuditRecord["detail"]): void {
    const node = events[0]?.node ?? "";
    this.#store.append(source, firstSeq - 1, { atMs: Date.now(), act, who: "system", node, detail });
  }

  /** At most LIMITS.auditReadRecords; `next` is what to pass as `after` for more, null at the end. */
  async read({ after, limit }: { readonly after: number; readonly limit: number }): Promise<{
    readonly records: readonly AuditRecord[];
    readonly next: number | null;
  }> {
    const bounded = Math.max(1, Math.min(limit, LIMITS.auditReadRecords));
    const records = this.#store.after(after, bounded);
    return { records, next: records.length === bounded ? (records.at(-1)?.index ?? null) : null };
  }
}
