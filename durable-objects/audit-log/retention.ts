/**
 * Drops records past the age that the network's policy sets (`audit_retention_days`): all up to a checkpoint, which stays
 * as what the chain goes on after. That it was done is a record itself.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { appendOwn, type OwnSource } from "./own-events.ts";
import type { AuditStore } from "./store.ts";

const SOURCE: OwnSource = "audit-retention";
const DAY_MS = 24 * 3600 * 1000;

interface Parts {
  readonly node: string;
  readonly store: AuditStore;
  readonly checkpoints: CheckpointStore;
  readonly directory: () => Pick<DirectoryRpc, "snapshot">;
}

export class Retention {
  readonly #parts: Parts;
  /** Rows of dropped records may still be there. */
  #isClearing: boolean;
  /** When ages were last looked at; 0: the log is empty. */
  #seenMs: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#isClearing = parts.checkpoints.start() !== null;
    this.#seenMs = parts.checkpoints.agesSeenMs;
  }

  /** The log has records: from now on their ages count. */
  begin(nowMs: number): void {
    const { checkpoints } = this.#parts;
    if (this.#seenMs !== 0) return;
    this.#seenMs = nowMs;
    checkpoints.agesSeenMs = nowMs;
  }

  /** Infinity: the log is empty. */
  dueMs(): number {
    if (this.#isClearing) return 0;
    return this.#seenMs === 0 ? Infinity : this.#seenMs + LIMITS.auditRetentionCheckMs;
  }

  /** One bounded step of what is due. @returns false where the Directory does not answer */
  async work(nowMs: number): Promise<boolean> {
    const { store, checkpoints } = this.#parts;
    if (nowMs >= this.#seenMs + LIMITS.auditRetentionCheckMs) {
      const days = await this.#days();
      if (days === undefined) return false;
      store.transaction(() => {
        if (days !== null) this.#retire(days, nowMs);
        checkpoints.agesSeenMs = nowMs;
      });
      this.#seenMs = nowMs;
    }
    const start = checkpoints.start();
    this.#isClearing = start !== null && store.drop(start.index, LIMITS.auditRetiredRows);
    return true;
  }

  /** Null: for ever. Undefined: nobody can tell. */
  async #days(): Promise<number | null | undefined> {
    try {
      const snapshot = await this.#parts.directory().snapshot(-1);
      return "document" in snapshot ? (snapshot.document.policy.audit_retention_days ?? null) : undefined;
    } catch {
      return undefined;
    }
  }

  #retire(days: number, nowMs: number): void {
    const { node, store, checkpoints } = this.#parts;
    const last = checkpoints.newestAt(nowMs - days * DAY_MS);
    const from = checkpoints.start()?.index ?? 0;
    // Records of dropping alone are not worth another.
    if (last === null || !store.hasOthers(from, last.index, SOURCE)) return;
    checkpoints.setStart(last);
    const detail = { from_index: from + 1, to_index: last.index, checkpoint: last.number, days };
    appendOwn(store, { node, source: SOURCE, nowMs }, [{ act: "audit.retired", detail }]);
  }
}
