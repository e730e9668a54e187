/** What a ProxyAgent tells the node's audit log, and its standing alarms. */
import type { AuditEvent, AuditLogRpc } from "../../shared/audit/event.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { ProxyAlarmCode } from "../../shared/ipsec/alarms.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { type StandingAlarm, StandingAlarms } from "../storage/standing-alarms.ts";

const SHIP_AGAIN_MS = 5000;
/** Those of what is going on now go together, and do not hold it up. */
const SHIP_AFTER_MS = 500;

export class Events {
  readonly #node: NodeId;
  readonly #outbox: AuditOutbox;
  readonly #standing: StandingAlarms<ProxyAlarmCode>;
  readonly #logOf: (node: string) => Pick<AuditLogRpc, "append">;
  #shipMs = 0;

  constructor(node: NodeId, db: Database, logOf: (node: string) => Pick<AuditLogRpc, "append">) {
    this.#node = node;
    this.#logOf = logOf;
    this.#outbox = new AuditOutbox(db, `proxy-agent:${node}`, LIMITS);
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

  dueMs(nowMs: number): number {
    return this.#outbox.pending() === 0 ? Infinity : Math.max(nowMs, this.#shipMs);
  }

  async ship(nowMs: number): Promise<void> {
    if (this.#outbox.pending() === 0 || nowMs < this.#shipMs) return;
    this.#shipMs = nowMs + SHIP_AGAIN_MS;
    const { failedNodes } = await this.#outbox.ship(this.#logOf);
    if (failedNodes.length === 0) this.#shipMs = 0;
  }

  #record(event: AuditEvent): void {
    if (this.#outbox.pending() === 0) this.#shipMs = Math.max(this.#shipMs, event.atMs + SHIP_AFTER_MS);
    this.#outbox.recordOrDrop([event]);
  }
}
