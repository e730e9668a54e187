/** What becomes of entries: written down, told to those who wait and to the audit log, undone at the host where need be. */
import { LIMITS } from "../../shared/limits.ts";
import { ENTRY_REASONS, type EntryReason } from "../../shared/ipsec/outcome.ts";
import { hardEndMs } from "../../shared/ipsec/rekey.ts";
import type { EntryReport } from "../../shared/ipsec/types.ts";
import { agreementOf } from "./agreement.ts";
import type { EntryRow, SadRow } from "./entry-store.ts";
import type { TakeBack, Task } from "./errand-store.ts";
import { endMs, lifetimeDueMs } from "./lifetime.ts";
import type { ProxyParts } from "./parts.ts";

/** An entry as its callers see it. */
export function reportOf(row: EntryRow): EntryReport {
  const { kind, name, warnings, reason, message, installedMs } = row;
  const state = row.state === "keyed" ? "queued" : row.state;
  return {
    kind,
    name,
    state,
    ...(state === "failed" && reason !== null ? { reason, message: message ?? ENTRY_REASONS[reason] } : {}),
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(row.kind === "sad" ? { spi: row.sa.spi } : {}),
    ...(row.kind === "sad" && row.made !== null ? { sources: row.made.sources, dropped: row.made.dropped } : {}),
    ...(installedMs === null ? {} : { installedMs }),
    ...(row.kind === "sad" && state === "installed" ? rekeyOf(row) : {}),
  };
}

/** What is due at its end is not that it is made anew. */
const rekeyOf = (row: SadRow): Pick<EntryReport, "rekeyMs"> =>
  row.dueMs === null || row.dueMs >= (endMs(row) ?? Infinity) ? {} : { rekeyMs: row.dueMs };

export const refusal = (
  { kind, name }: Pick<EntryReport, "kind" | "name">,
  reason: EntryReason,
  message: string = ENTRY_REASONS[reason],
): EntryReport => ({ kind, name, state: "failed", reason, message });

/** After these nobody knows what the host has. */
export const UNCERTAIN: ReadonlySet<EntryReason> = new Set(["host-silent", "interrupted"]);

type Subject = Pick<EntryRow, "kind" | "name" | "reqid">;

interface Undone {
  /** It may be at the host, and is to go from there. */
  readonly takeBack: boolean;
  /** The other end shall know. */
  readonly tell: boolean;
}

export class Outcomes {
  readonly #parts: ProxyParts;

  constructor(parts: ProxyParts) {
    this.#parts = parts;
  }

  /**
   * Inside a transaction, as all of these.
   * @param sinceMs when its lifetime began at the latest: hosts count from when they had it, not from when both ends did
   */
  installed(row: EntryRow, more: readonly string[] = [], sinceMs = beganMs(row, this.#parts.nowMs())): void {
    const { entries, batches, events, network, nowMs } = this.#parts;
    const dueMs = row.kind === "sad" ? (lifetimeDueMs(row, network, sinceMs) ?? hardEndMs(row.entry, nowMs())) : null;
    entries.installed(row.id, [...row.warnings, ...more], dueMs, nowMs());
    const now = entries.get(row.id) ?? row;
    batches.settleEntry(row.id, reportOf(now));
    events.tell("ipsec.install", row.principal, { ...told(now) }, nowMs());
  }

  failed(row: EntryRow, reason: EntryReason, message: string, { takeBack, tell }: Undone): void {
    const { entries, batches, events, words, nowMs } = this.#parts;
    entries.failed(row.id, reason, message, nowMs());
    batches.settleEntry(row.id, reportOf({ ...row, state: "failed", reason, message }));
    events.tell("ipsec.fail", row.principal, { ...told(row), reason }, nowMs());
    if (takeBack) this.takeBack(row);
    if (!tell || row.kind !== "sad" || row.peer === null) return;
    const { network } = this.#parts;
    const peer = network.peer(row.peer);
    if (peer === null) return;
    words.tell({ sa: row.sa, peer: peer.id, agreement: agreementOf(row, network), installed: false }, nowMs());
  }

  deleted(row: EntryRow, who: string): void {
    const { entries, batches, events, nowMs } = this.#parts;
    entries.remove(row.id);
    batches.settleEntry(row.id, { kind: row.kind, name: row.name, state: "deleted" });
    events.tell("ipsec.delete", who, { ...told(row) }, nowMs());
  }

  /** The host has ended it, as its lifetime is over; its configuration may be there still, and would be in the way. */
  expired(row: EntryRow): void {
    const { entries, events, nowMs } = this.#parts;
    entries.remove(row.id);
    events.tell("ipsec.expire", "system", { ...told(row) }, nowMs());
    this.takeBack(row);
  }

  /** It could not be deleted: it is as it was, where it is known to be. What nobody may count on goes, however long that takes. */
  notDeleted(row: EntryRow, reason: EntryReason, message: string): void {
    const { entries, batches, nowMs } = this.#parts;
    if (row.installedMs !== null && !UNCERTAIN.has(reason)) entries.setState(row.id, "installed", nowMs());
    else {
      entries.failed(row.id, reason, message, nowMs());
      // One that had failed before has been taken back where need be.
      if (row.reason === null || UNCERTAIN.has(reason)) this.takeBack(row);
    }
    batches.settleEntry(row.id, refusal(row, reason, message));
  }

  /** Deleted at the host, however long that takes. @param rekey that waits for it */
  takeBack({ kind, name, reqid }: Subject, attempts = 0, rekey: string | null = null): void {
    const { errands, newId, nowMs } = this.#parts;
    const purpose: TakeBack = { for: "take-back", attempts, ...(rekey === null ? {} : { rekey }) };
    const task: Task = { operation: { do: "delete", kind, name, reqid }, purpose };
    errands.add(newId(), [task], nowMs() + pauseMs(attempts));
  }

  /** It could not be deleted at the host so far. */
  takeBackAgain(subject: Subject, { attempts, rekey }: TakeBack, why: string): void {
    const { events, nowMs } = this.#parts;
    const tried = attempts + 1;
    if (tried >= LIMITS.ipsecDeleteAttempts) events.raise("not-deleted", subject.name, why, nowMs());
    this.takeBack(subject, tried, rekey ?? null);
  }

  takenBack({ name }: Pick<Subject, "name">, { rekey }: TakeBack): void {
    const { events, rekeys, nowMs } = this.#parts;
    events.clear("not-deleted", name, "system", nowMs());
    if (rekey !== undefined) rekeys.tookBackOne(rekey);
  }
}

const beganMs = (row: EntryRow, nowMs: number): number => (row.state === "keyed" ? row.changedMs : nowMs);

const pauseMs = (attempts: number): number =>
  attempts === 0 ? 0 : Math.min(LIMITS.ipsecDeleteAgainMs * 2 ** (attempts - 1), LIMITS.ipsecDeleteAgainMaxMs);

/** Audit detail of an entry: nothing of its key. */
function told(row: EntryRow): Record<string, string | number> {
  const { kind, name } = row;
  if (row.kind === "spd") return { kind, name };
  return { kind, name, ...saDetail(row) };
}
const saDetail = ({ sa, made }: SadRow): Record<string, string | number> => ({
  spi: sa.spi,
  source: sa.sourcePrefix,
  destination: sa.destinationPrefix,
  ...(made === null ? {} : { ksid: made.ksid, sources: made.sources.join(",") }),
});
