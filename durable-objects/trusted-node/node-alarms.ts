/** The node's standing alarms, and how they come into its audit log. */
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NodeAlarm, NodeAlarmCode } from "../../shared/relay/alarms.ts";
import type { RelayAlarm } from "../../shared/relay/node-side.ts";
import type { FloodAlarmEvent } from "../../shared/routing/flood/types.ts";
import type { Database } from "../storage/database.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { Shipping } from "../storage/shipping.ts";
import { StandingAlarms } from "../storage/standing-alarms.ts";

const CODES = {
  "tag-wrong": "relay-forged",
  "bits-wrong": "relay-bits-wrong",
  unequal: "relay-unequal",
} as const satisfies Record<RelayAlarm["what"], NodeAlarmCode>;

/** Of a hop that is wrong: whose it is. Of ends that differ: the way, as nobody can tell who of those on it has lied. */
function wordsOf(alarm: RelayAlarm): { readonly subject: string; readonly detail: string } {
  if (alarm.what !== "unequal") {
    const { position, relay, initiator, from } = alarm;
    return { subject: from, detail: `hop ${position} of relay ${relay}, begun by ${initiator}` };
  }
  const way = alarm.paths.map((path) => path.join(" > ")).join(", ");
  return { subject: way.slice(0, LIMITS.alarmDetailChars), detail: `relay ${alarm.relay}` };
}

export class NodeAlarms {
  readonly #db: Database;
  readonly #outbox: AuditOutbox;
  readonly #standing: StandingAlarms<NodeAlarmCode>;
  readonly #shipping: Shipping;

  constructor(node: NodeId, db: Database, logOf: (node: string) => Pick<AuditLogRpc, "append">) {
    this.#db = db;
    this.#outbox = new AuditOutbox(db, `trusted-node:${node}`, LIMITS);
    this.#shipping = new Shipping(this.#outbox, logOf);
    this.#standing = new StandingAlarms(db, {
      max: LIMITS.floodAlarms,
      audit: (event) => this.#outbox.recordOrDrop([event]),
      node,
      detail: {},
    });
  }

  /** Of the flooding: it says as well when a cause is gone. */
  tell({ code, subject, detail }: FloodAlarmEvent): void {
    this.#db.transaction(() => {
      const nowMs = Date.now();
      if (detail === null) this.#standing.clear(code, subject, "system", nowMs);
      else this.#standing.raise(code, subject, detail, { nowMs });
    });
  }

  /** Of a relay: stands until somebody has looked into it. */
  suspect(alarm: RelayAlarm): void {
    const { subject, detail } = wordsOf(alarm);
    this.#db.transaction(() => this.#standing.raise(CODES[alarm.what], subject, detail, { nowMs: Date.now() }));
  }

  list(): readonly NodeAlarm[] {
    return this.#standing.list();
  }

  clear(code: NodeAlarmCode, principal: string): number {
    return this.#db.transaction(() => this.#standing.clear(code, null, principal, Date.now()));
  }

  dueMs(): number {
    return this.#shipping.dueMs();
  }

  async ship(): Promise<void> {
    await this.#shipping.ship();
  }
}
