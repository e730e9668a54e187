/** Errands on their way: sent, sent again where they broke off, and given up. */
import type { Errand, OperationResult } from "../../shared/ipsec/errand.ts";
import { ENTRY_REASONS } from "../../shared/ipsec/outcome.ts";
import { LIMITS } from "../../shared/limits.ts";
import { logFailure } from "../log-failure.ts";
import { type Answered, type Hub, presence, sendErrand } from "./agent.ts";
import type { ErrandRow, Task } from "./errand-store.ts";
import type { ProxyParts } from "./parts.ts";
import { INTERRUPTED, type Settling } from "./settling.ts";

const NO_AGENT = { ok: false, reason: "no-agent", message: ENTRY_REASONS["no-agent"] } as const;
const NO_HOST = {
  ok: false,
  reason: "no-agent",
  message: "the node has no IPsec host in the network any more",
} as const;

const LOOK_MS = 10_000;
/** Errands with keys to be made, after those without. */
const KINDS = [false, true] as const;

export class Errands {
  readonly #parts: ProxyParts;
  readonly #settling: Settling;
  readonly #hub: (site: string) => Hub;
  /** Is there a key to be made? */
  readonly #running = new Map<string, boolean>();

  constructor(parts: ProxyParts, settling: Settling, hub: (site: string) => Hub) {
    this.#parts = parts;
    this.#settling = settling;
    this.#hub = hub;
  }

  /** When to look again: those under way go on by themselves, should this life of the object last. */
  dueMs(nowMs: number): number {
    const waitingMs = KINDS.map((isKeyed) => (this.#free(isKeyed) > 0 ? this.#parts.errands.nextDueMs(isKeyed) : null));
    return Math.min(...waitingMs.map((ms) => ms ?? Infinity), this.#running.size > 0 ? nowMs + LOOK_MS : Infinity);
  }

  /** Begins those that are due. Does not wait for them. */
  begin(): void {
    for (const isKeyed of KINDS) this.#begin(isKeyed);
  }

  /** Those with keys wait for the other ends' agents: what deletes and takes back shall not wait with them. */
  #free(isKeyed: boolean): number {
    const free = LIMITS.ipsecErrands - this.#running.size;
    const keyed = [...this.#running.values()].filter(Boolean).length;
    return Math.max(0, isKeyed ? Math.min(free, LIMITS.ipsecKeyErrands - keyed) : free);
  }

  #begin(isKeyed: boolean): void {
    const { errands, nowMs } = this.#parts;
    const free = this.#free(isKeyed);
    if (free === 0) return;
    for (const errand of errands.due(isKeyed, nowMs(), free)) {
      errands.taken(errand.id);
      // Written together with `taken`, and not once more when the agent has been found to be there.
      errands.sending(errand.id);
      this.#running.set(errand.id, isKeyed);
      void this.#run(errand)
        .catch((error: unknown) => {
          logFailure("proxy agent, errand", error);
          this.#brokeOff(errand);
        })
        .finally(() => {
          this.#running.delete(errand.id);
          this.#parts.changed();
        });
    }
  }

  async #run(errand: ErrandRow): Promise<void> {
    const { network, errands, node } = this.#parts;
    const { own } = network;
    if (own === null) {
      errands.notBegun(errand.id);
      this.#end(errand, () => NO_HOST);
      return;
    }
    const hub = this.#hub(network.view.site);
    const present = await presence(hub);
    if (present !== "here") {
      errands.notBegun(errand.id);
      if (present === "none" && errand.sent === 0) this.#end(errand, () => NO_AGENT);
      else this.#brokeOff(errand);
      return;
    }
    const waitMs = own.meetMs + LIMITS.ipsecErrandMs;
    const sent: Errand = { id: errand.id, node, again: errand.sent > 0, operations: errands.operations(errand.id) };
    const answered = await sendErrand(hub, sent, waitMs, ({ index, result }) => this.#line(errand.id, index, result));
    this.#answered(errand, answered);
  }

  #line(errand: string, position: number, result: OperationResult): void {
    const { db, errands, changed } = this.#parts;
    db.transaction(() => {
      const task = errands.settle(errand, position);
      if (task !== null) this.#settling.settle(task, result);
    });
    changed();
  }

  #answered(errand: ErrandRow, answered: Answered): void {
    if (answered === "later") this.#parts.errands.notBegun(errand.id);
    if (answered === "broken" || answered === "later") this.#brokeOff(errand);
    else if (answered === "none") this.#end(errand, () => (errand.sent === 0 ? NO_AGENT : INTERRUPTED));
    // What a whole answer says nothing of is as little known as what the agent does not know.
    else this.#end(errand, null);
  }

  /** The agent may still be at it, and know of it when asked again. */
  #brokeOff(errand: ErrandRow): void {
    const { errands, nowMs } = this.#parts;
    const isGivenUp = errand.brokeMs !== null && nowMs() - errand.brokeMs >= LIMITS.ipsecErrandGivenUpMs;
    const result = errands.wasSent(errand.id) ? INTERRUPTED : NO_AGENT;
    if (isGivenUp) this.#end(errand, () => result);
    else errands.broken(errand.id, nowMs() + LIMITS.ipsecErrandAgainMs, nowMs());
  }

  /** @param result of what is still open; null: nobody knows */
  #end({ id }: ErrandRow, result: ((task: Task) => OperationResult) | null): void {
    const { db, errands } = this.#parts;
    db.transaction(() => {
      const open = errands.open(id);
      errands.end(id);
      for (const task of open) {
        // No host, nothing to delete there.
        if (task.purpose.for === "take-back" && this.#parts.network.own === null)
          this.#settling.settle(task, { ok: true });
        else if (result === null) this.#settling.interrupted(task);
        else this.#settling.settle(task, result(task));
      }
    });
  }
}
