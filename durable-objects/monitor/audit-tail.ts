/** The newest records of all audit logs together, and what is amiss with which log. */
import type { AuditLogRpc, AuditRecord } from "../../shared/audit/event.ts";
import type { AuditFault } from "../../shared/audit/faults.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LogFault } from "../../shared/monitor/alarm-facts.ts";

type Latest = Awaited<ReturnType<AuditLogRpc["latest"]>>;

export class AuditTail {
  /** Index of the last record seen of each log. */
  readonly #seen = new Map<string, number>();
  readonly #faults = new Map<string, readonly AuditFault[]>();
  #records: readonly AuditRecord[] = [];
  #logs: ReadonlySet<string> = new Set();

  /** The oldest first; `node` is the log's name. */
  get records(): readonly AuditRecord[] {
    return this.#records;
  }

  /** Of the logs that have answered; however long ago. */
  get faults(): readonly LogFault[] {
    return [...this.#faults].flatMap(([log, faults]) => faults.map((fault) => ({ log, ...fault })));
  }

  /** Logs that have not answered yet. */
  get unheard(): readonly string[] {
    return [...this.#logs].filter((log) => !this.#faults.has(log));
  }

  /** What to ask a log for. */
  call(log: string): { readonly after: number; readonly limit: number } {
    return { after: this.#seen.get(log) ?? 0, limit: LIMITS.monitorAuditRecords };
  }

  add(log: string, { records, faults }: Latest): void {
    this.#faults.set(log, faults);
    const seen = this.#seen.get(log) ?? 0;
    // One that cannot be read does not say whose it is.
    const fresh = records.filter(({ index }) => index > seen).map((record) => ({ ...record, node: log }));
    if (fresh.length === 0) return;
    this.#seen.set(log, Math.max(...fresh.map(({ index }) => index)));
    this.#records = [...this.#records, ...fresh]
      .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
      .slice(-LIMITS.monitorAuditRecords);
  }

  /** @param logs that there are */
  keepOnly(logs: ReadonlySet<string>): void {
    this.#logs = logs;
    for (const table of [this.#seen, this.#faults])
      for (const log of table.keys()) if (!logs.has(log)) table.delete(log);
  }
}
