/** The newest records of all audit logs together. */
import type { AuditRecord } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";

export class AuditTail {
  /** Index of the last record seen of each log. */
  readonly #seen = new Map<string, number>();
  #records: readonly AuditRecord[] = [];

  /** The oldest first. */
  get records(): readonly AuditRecord[] {
    return this.#records;
  }

  /** What to ask a log for. */
  call(log: string): { readonly after: number; readonly limit: number } {
    return { after: this.#seen.get(log) ?? 0, limit: LIMITS.monitorAuditRecords };
  }

  add(log: string, records: readonly AuditRecord[]): void {
    const seen = this.#seen.get(log) ?? 0;
    const fresh = records.filter(({ index }) => index > seen);
    if (fresh.length === 0) return;
    this.#seen.set(log, Math.max(...fresh.map(({ index }) => index)));
    this.#records = [...this.#records, ...fresh]
      .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
      .slice(-LIMITS.monitorAuditRecords);
  }

  keepOnly(isThere: (log: string) => boolean): void {
    for (const log of this.#seen.keys()) if (!isThere(log)) this.#seen.delete(log);
  }
}
