/** The agent's word on one operation of an errand, and what follows for whom it was done. */
import { LIMITS } from "../../shared/limits.ts";
import type { OperationResult } from "../../shared/ipsec/errand.ts";
import type { EntryRow } from "./entry-store.ts";
import type { Purpose, Task } from "./errand-store.ts";
import type { Meeting } from "./meeting.ts";
import { type Outcomes, refusal, UNCERTAIN } from "./outcomes.ts";
import type { ProxyParts } from "./parts.ts";

type Failed = Extract<OperationResult, { ok: false }>;
type DeletePurpose = Extract<Purpose, { for: "delete" }>;

export interface RekeyOutcomes {
  /** Of an operation of the phase that is under way, or was. */
  settled(task: Task & { readonly purpose: Extract<Purpose, { for: "rekey" }> }, result: OperationResult): void;
}

export class Settling {
  readonly #parts: ProxyParts;
  readonly #outcomes: Outcomes;
  readonly #meeting: Meeting;
  readonly #rekeys: RekeyOutcomes;

  constructor(parts: ProxyParts, outcomes: Outcomes, meeting: Meeting, rekeys: RekeyOutcomes) {
    this.#parts = parts;
    this.#outcomes = outcomes;
    this.#meeting = meeting;
    this.#rekeys = rekeys;
  }

  /** Inside a transaction. */
  settle({ operation, purpose }: Task, result: OperationResult): void {
    if (purpose.for === "create") this.#created(purpose.entry, result);
    else if (purpose.for === "rekey") this.#rekeys.settled({ operation, purpose }, result);
    else if (operation.do !== "delete") return;
    else if (purpose.for === "delete") this.#deleted(operation, purpose, result);
    else if (purpose.for === "take-back") {
      if (result.ok) this.#outcomes.takenBack(operation, purpose);
      else this.#outcomes.takeBackAgain(operation, purpose, result.message);
    }
  }

  #created(id: number, result: OperationResult): void {
    const row = this.#parts.entries.get(id);
    if (row === null) return;
    if (row.state === "deleting") this.#deleteWhatIsThere(row, result);
    else if (!result.ok) this.#notCreated(row, result);
    else if (row.kind === "spd") this.#outcomes.installed(row, result.notes);
    else if (result.key !== undefined) this.#meeting.made(row, result.key, result.notes ?? []);
    else this.#notCreated(row, { ok: false, reason: "key-failed", message: "the agent does not say how it was made" });
  }

  #notCreated(row: EntryRow, { reason, message }: Failed): void {
    this.#outcomes.failed(row, reason, message, { takeBack: mayBeThere(reason), tell: true });
  }

  /** Somebody has asked for that while it was still being made. */
  #deleteWhatIsThere(row: EntryRow, result: OperationResult): void {
    if (!result.ok && !mayBeThere(result.reason)) {
      this.#outcomes.deleted(row, row.principal);
      return;
    }
    const { errands, newId, nowMs } = this.#parts;
    const { kind, name, reqid } = row;
    const purpose: Purpose = { for: "delete", entry: row.id, place: null };
    errands.add(newId(), [{ operation: { do: "delete", kind, name, reqid }, purpose }], nowMs());
  }

  #deleted(subject: Pick<EntryRow, "kind" | "name" | "reqid">, purpose: DeletePurpose, result: OperationResult): void {
    const { entries, batches } = this.#parts;
    const { entry, place } = purpose;
    const row = entry === null ? null : entries.get(entry);
    if (row !== null && result.ok) this.#outcomes.deleted(row, row.principal);
    else if (row !== null && !result.ok) this.#outcomes.notDeleted(row, result.reason, result.message);
    else if (place !== null) {
      const { kind, name } = subject;
      batches.settlePlace(
        place,
        result.ok ? { kind, name, state: "deleted" } : refusal(subject, result.reason, result.message),
      );
    }
  }

  /** The agent that was to do it does not know of it any more. Inside a transaction. */
  interrupted(task: Task): void {
    const { errands, newId, nowMs } = this.#parts;
    // To delete twice does no harm.
    if (task.purpose.for === "delete") errands.add(newId(), [task], nowMs() + LIMITS.ipsecErrandAgainMs);
    else this.settle(task, INTERRUPTED);
  }
}

const mayBeThere = (reason: Failed["reason"]): boolean => UNCERTAIN.has(reason) || reason === "key-failed";

export const INTERRUPTED: Failed = {
  ok: false,
  reason: "interrupted",
  message: "the agent or its connection ended before it was known what became of it",
};
