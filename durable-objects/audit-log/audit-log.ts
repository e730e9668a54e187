/**
 * The audit log of one node (or of the deployment): append-only and hash-chained.
 *
 * Sources number their events; what arrives twice is stored once, and a number left out is noted in the chain itself
 * (`audit.gap`), so that the log shows what it lacks; one used again for something else is noted too (`audit.conflict`).
 * Checkpoints sign the chain; records go when they are as old as the network's policy lets them be.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  AuditBatch,
  AuditEvent,
  AuditLogRpc,
  AuditLogState,
  AuditRecord,
  ReportedCall,
} from "../../shared/audit/event.ts";
import { fail } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import { DIRECTORY_NAME, type ObjectsEnv } from "../env.ts";
import { identitiesOf, NO_IDENTITY } from "../peers/identities.ts";
import { Database, storedJson } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import { Planner } from "../storage/planner.ts";
import { CheckpointStore } from "./checkpoint-store.ts";
import { Checkpoints } from "./checkpoints.ts";
import { Faults } from "./faults.ts";
import { appendOwn } from "./own-events.ts";
import { Retention } from "./retention.ts";
import type { Head } from "./runs.ts";
import { MIGRATIONS } from "./schema.ts";
import { AuditStore } from "./store.ts";

export class AuditLog extends DurableObject<ObjectsEnv> implements AuditLogRpc {
  readonly #node: string;
  readonly #store: AuditStore;
  readonly #stored: CheckpointStore;
  readonly #faults: Faults;
  readonly #checkpoints: Checkpoints;
  readonly #retention: Retention;
  readonly #planner: Planner;
  /** What the planner was last told of: appends are many. */
  #plannedMs = Infinity;

  constructor(ctx: DurableObjectState, env: ObjectsEnv) {
    super(ctx, env);
    const db = new Database(ctx.storage);
    migrate(db, MIGRATIONS);
    const [store, stored] = [new AuditStore(db), new CheckpointStore(db)];
    const node = stored.named(ctx.id.name);
    const parts = { node, store, checkpoints: stored };
    this.#node = node;
    this.#store = store;
    this.#stored = stored;
    this.#faults = new Faults(db);
    this.#checkpoints = new Checkpoints({ ...parts, identities: identitiesOf(env) }, Date.now());
    this.#retention = new Retention({ ...parts, directory: () => env.DIRECTORY.getByName(DIRECTORY_NAME) });
    this.#planner = new Planner({
      ctx,
      name: "audit log",
      recoveryMs: RECOVERY_MS,
      dueMs: () => this.#dueMs(),
      work: async () => await this.#work(),
    });
  }

  async append(batch: AuditBatch): Promise<{ readonly storedSeq: number }> {
    const { source, firstSeq } = batch;
    const events = typeof batch.events === "string" ? storedJson<AuditEvent[]>(batch.events) : batch.events;
    if (events.length === 0) return { storedSeq: this.#store.lastSeq(source) };
    const { storedSeq, head } = this.#store.transaction(() => this.#chain(source, firstSeq, events));
    this.#grown(head);
    return { storedSeq };
  }

  async note(events: readonly AuditEvent[]): Promise<void> {
    const to = { node: this.#node, source: "audit-log", nowMs: Date.now() } as const;
    this.#grown(this.#store.transaction(() => appendOwn(this.#store, to, events)));
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
    const found = this.#after(after, bounded + 1);
    if (found.length <= bounded) return { records: found, next: null };
    const { hash } = found[bounded] ?? {};
    const whole = found.findIndex((record) => record.hash === hash);
    const records = found.slice(0, whole > 0 ? whole : bounded);
    return { records, next: records.at(-1)?.index ?? null };
  }

  async latest({ after, limit }: Parameters<AuditLogRpc["latest"]>[0]): ReturnType<AuditLogRpc["latest"]> {
    const bounded = Math.max(1, Math.min(limit, LIMITS.auditReadRecords));
    const records = this.#after(Math.max(after, this.#store.head().index - bounded), bounded);
    this.#faults.see(records, Date.now());
    return { records, faults: this.#faults.all() };
  }

  async reported({ source, afterSeq, after }: ReportedCall): ReturnType<AuditLogRpc["reported"]> {
    const storedSeq = this.#store.lastSeq(source);
    if (afterSeq === null) return { storedSeq, records: [], next: null };
    return { storedSeq, ...this.#store.ofSource(source, afterSeq, after) };
  }

  async state(): Promise<AuditLogState> {
    return this.#state();
  }

  async checkpoints({
    after,
    limit,
  }: Parameters<AuditLogRpc["checkpoints"]>[0]): ReturnType<AuditLogRpc["checkpoints"]> {
    const bounded = Math.max(1, Math.min(limit, LIMITS.auditCheckpointsRead));
    const found = this.#stored.after(after, bounded + 1);
    const checkpoints = found.slice(0, bounded);
    return { checkpoints, next: found.length > bounded ? (checkpoints.at(-1)?.number ?? null) : null };
  }

  async makeCheckpoint(): ReturnType<AuditLogRpc["makeCheckpoint"]> {
    if (!this.#checkpoints.isSigned) return fail("conflict", NO_IDENTITY);
    await this.#checkpoints.make();
    return ok(this.#state());
  }

  async keys(): ReturnType<AuditLogRpc["keys"]> {
    return await this.#checkpoints.keys();
  }

  override async alarm(): Promise<void> {
    await this.#planner.alarm();
  }

  /** Those of a source's numbered events that are not there yet, with what there is to be said of them. */
  #chain(source: string, firstSeq: number, events: readonly AuditEvent[]): { storedSeq: number; head: Head } {
    const nowMs = Date.now();
    const knownSeq = this.#store.lastSeq(source);
    const numbered = events.map((event, offset) => ({ seq: firstSeq + offset, event }));
    const fresh = numbered.filter(({ seq }) => seq > knownSeq);
    const repeats = numbered.filter(({ seq }) => seq <= knownSeq);
    const changed = repeats.length === 0 ? [] : this.#store.changed(source, repeats);
    // The log's own word, chained like any other, under the number before the batch it is about.
    const notes = notesOn(firstSeq, knownSeq, changed.length).map(({ act, detail }) => ({
      seq: firstSeq - 1,
      event: { atMs: nowMs, act, who: "system", node: events[0]?.node ?? "", detail },
    }));
    const chained = [...notes, ...changed, ...fresh];
    const head = this.#store.append(source, chained);
    const firstIndex = head.index - chained.length + 1;
    const acts = chained.map(({ event: { act } }, at) => ({ act, index: firstIndex + at }));
    this.#faults.see(acts, nowMs);
    const storedSeq = Math.max(knownSeq, firstSeq + events.length - 1);
    this.#store.setLastSeq(source, storedSeq);
    return { storedSeq, head };
  }

  /** What was dropped for its age may not be cleared away yet. */
  #after(index: number, limit: number): readonly AuditRecord[] {
    return this.#store.after(Math.max(index, this.#stored.start()?.index ?? 0), limit);
  }

  #state(): AuditLogState {
    return {
      head: this.#store.head(),
      start: this.#stored.start(),
      checkpoint: this.#stored.newest(),
      isSigned: this.#checkpoints.isSigned,
    };
  }

  #grown({ index }: Head): void {
    const nowMs = Date.now();
    this.#checkpoints.appended(index, nowMs);
    this.#retention.begin(nowMs);
    const dueMs = this.#dueMs();
    if (dueMs >= this.#plannedMs) return;
    this.#plannedMs = dueMs;
    this.#planner.plan();
  }

  #dueMs(): number {
    return Math.min(this.#checkpoints.dueMs(), this.#retention.dueMs());
  }

  async #work(): Promise<boolean> {
    this.#plannedMs = Infinity;
    if (this.#checkpoints.dueMs() <= Date.now()) await this.#checkpoints.make();
    return await this.#retention.work(Date.now());
  }
}

const RECOVERY_MS = 60_000;

/** What is amiss with a batch. */
function notesOn(firstSeq: number, storedSeq: number, changed: number): Pick<AuditEvent, "act" | "detail">[] {
  if (firstSeq > storedSeq + 1) return [{ act: "audit.gap", detail: { fromSeq: storedSeq + 1, toSeq: firstSeq - 1 } }];
  // Numbers used again for other events: the source was rolled back to an older state. Kept, and noted.
  if (changed > 0) return [{ act: "audit.conflict", detail: { events: changed, storedSeq } }];
  return [];
}
