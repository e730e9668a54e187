/** When an object's audit events go to their logs: as soon as there are some, and again after a while where a log failed. */
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import type { AuditOutbox } from "./outbox.ts";

const AGAIN_MS = 5000;

export class Shipping {
  readonly #outbox: AuditOutbox;
  readonly #logOf: (node: string) => Pick<AuditLogRpc, "append">;
  readonly #nowMs: () => number;
  #notBeforeMs = 0;
  #isUnderWay = false;

  /** @param logOf gives the log of a node, such as `(node) => env.AUDIT_LOG.getByName(node)` */
  constructor(
    outbox: AuditOutbox,
    logOf: (node: string) => Pick<AuditLogRpc, "append">,
    nowMs: () => number = Date.now,
  ) {
    this.#outbox = outbox;
    this.#logOf = logOf;
    this.#nowMs = nowMs;
  }

  /** When `ship` has something to do; Infinity: nothing waits, or it is on its way. */
  dueMs(): number {
    if (this.#isUnderWay || this.#outbox.pending() === 0) return Infinity;
    return Math.max(this.#nowMs(), this.#notBeforeMs);
  }

  /** What comes until then goes together. */
  holdUntil(atMs: number): void {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, atMs);
  }

  /** What is due. Bounded: more may be due after it. */
  async ship(): Promise<void> {
    if (this.dueMs() > this.#nowMs()) return;
    this.#isUnderWay = true;
    let isShipped = false;
    try {
      isShipped = (await this.#outbox.ship(this.#logOf)).failedNodes.length === 0;
    } finally {
      this.#isUnderWay = false;
      if (!isShipped) this.holdUntil(this.#nowMs() + AGAIN_MS);
    }
  }
}
