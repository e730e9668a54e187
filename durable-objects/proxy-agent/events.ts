/** What a ProxyAgent tells the node's audit log, and its standing alarms. */
import type { AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { ProxyAlarmCode } from "../../shared/ipsec/alarms.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { Shipping } from "../storage/shipping.ts";
import { type StandingAlarm, StandingAlarms } from "../storage/standing-alarms.ts";

/** Those of what is going on now go together, and do not hold it up. */
const SHIP_AFTER_MS = 500;

export class Events {
  readonly #node: NodeId;
  readonly #outbox: AuditOutbox;
  readonly #standing: StandingAlarms<ProxyAlarmCode>;
  readonly #shipping: Shipping;

  constructor(node: NodeId, db: Database, logOf: (node: string) => Pick<AuditLogRpc, "append">) {
    this.#node = node;
    this.#outbox = new AuditOutbox(db, `proxy-agent:${node}`, LIMITS);
    this.#shipping = new Shipping(this.#outbox, logOf);
    const audit = (event: AuditEvent): void => this.#record(event);
    this.#standing = new StandingAlarms(db, { max: LIMITS.ipsecAlarms, audit, node, detail: {} });
  }

  /** Then callers are refused, or events are dropped, as the policy says. */
  full(): boolean {
    return this.#outbox.full();
  }

  /** Inside the transaction that does what it tells of. */
  tell(act: string, who: string, detail: AuditEvent["detail"], nowMs: number): void {
    this.#record({ atMs: nowMs, act, who, node: this.#node, detail });
  }

  raise(code: ProxyAlarmCode, subject: string, detail: string, nowMs: number): void {
    this.#standing.raise(code, subject.slice(0, LIMITS.alarmDetailChars), detail, { nowMs });
  }

  /** @param subject null: all of this code. Inside a transaction. */
  clear(code: ProxyAlarmCode, subject: string | null, who: string, nowMs: number): number {
    return this.#standing.clear(code, subject?.slice(0, LIMITS.alarmDetailChars) ?? null, who, nowMs);
  }

  list(): readonly StandingAlarm<ProxyAlarmCode>[] {
    return this.#standing.list();
  }

  dueMs(): number {
    return this.#shipping.dueMs();
  }

  async ship(): Promise<void> {
    await this.#shipping.ship();
  }

  #record(event: AuditEvent): void {
    if (this.#outbox.pending() === 0) this.#shipping.holdUntil(event.atMs + SHIP_AFTER_MS);
    this.#outbox.recordOrDrop([event]);
  }
}
