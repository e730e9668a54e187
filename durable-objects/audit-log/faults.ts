/**
 * What was amiss with the log, the last of each kind: noted as it comes, so that nobody has to find it among all records.
 */
import type { AuditRecord } from "../../shared/audit/event.ts";
import { type AuditFault, NOTES, UNREADABLE } from "../../shared/audit/faults.ts";
import { type Database, storedJson } from "../storage/database.ts";
import { Settings } from "../storage/settings.ts";

export class Faults {
  readonly #settings: Settings;

  constructor(db: Database) {
    this.#settings = new Settings(db);
  }

  all(): readonly AuditFault[] {
    const text = this.#settings.text("faults");
    return text === undefined ? [] : storedJson<AuditFault[]>(text);
  }

  /** Looks for some among records, in order of their indices: those that are chained, or that were read. */
  see(records: readonly Pick<AuditRecord, "act" | "index">[], atMs: number): void {
    const amiss = records.filter(({ act }) => NOTES.includes(act) || act === UNREADABLE);
    if (amiss.length === 0) return;
    const known = new Map(this.all().map((fault) => [fault.act, fault]));
    const found = new Map(amiss.map(({ act, index }) => [act, { act, index, atMs }]));
    // Whoever reads meets the same again.
    const fresh = [...found].filter(([act, { index }]) => known.get(act)?.index !== index);
    if (fresh.length === 0) return;
    this.#settings.put("faults", JSON.stringify([...new Map([...known, ...fresh]).values()]));
  }
}
