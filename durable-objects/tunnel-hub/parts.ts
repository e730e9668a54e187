/** What the parts of a hub share. */
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import type { Service } from "../../shared/tunnel/services.ts";
import type { TunnelAlarmCode } from "../../shared/tunnel/types.ts";
import type { AuditOutbox } from "../storage/outbox.ts";
import { StandingAlarms } from "../storage/standing-alarms.ts";
import type { Database } from "../storage/database.ts";
import type { Connections } from "./connections.ts";
import type { HubStore } from "./store.ts";

/** Since the object woke up. */
export interface HubGauges {
  framesRelayed: number;
  bytesRelayed: number;
  culpritsClosed: number;
  connects: number;
}

export interface HubParts {
  readonly site: string;
  readonly store: HubStore;
  readonly outbox: AuditOutbox;
  readonly alarms: StandingAlarms<TunnelAlarmCode>;
  readonly connections: Connections;
  readonly gauges: HubGauges;
  readonly nowMs: () => number;
  /** Something is to be done by the alarm that was not before. */
  readonly replan: () => void;
}

export type Detail = AuditEvent["detail"];

/** Writes an event, inside the transaction of what it tells of; where the outbox is full, it is counted as dropped. */
export function auditor(outbox: AuditOutbox): (event: AuditEvent) => void {
  return (event) => {
    outbox.recordOrDrop([event]);
  };
}

export function audit(
  { outbox, site, nowMs }: Pick<HubParts, "outbox" | "site" | "nowMs">,
  act: string,
  who: string,
  detail: Detail,
): void {
  auditor(outbox)({ atMs: nowMs(), act, who, node: DEPLOYMENT_LOG, detail: { hub: site, ...detail } });
}

export const alarmsOf = (db: Database, outbox: AuditOutbox, site: string): StandingAlarms<TunnelAlarmCode> =>
  new StandingAlarms(db, {
    max: LIMITS.tunnelAlarms,
    audit: auditor(outbox),
    node: DEPLOYMENT_LOG,
    detail: { hub: site },
  });

/** Says of each subject once in `everyMs` that it is time to tell; as many subjects are kept apart as the bound says. */
export class Seldom {
  readonly #everyMs: number;
  readonly #maxSubjects: number;
  readonly #told = new Map<string, { readonly atMs: number; leftOut: number }>();

  constructor(everyMs: number, maxSubjects: number) {
    this.#everyMs = everyMs;
    this.#maxSubjects = maxSubjects;
  }

  isTime(subject: string, nowMs: number): boolean {
    return this.leftOut(subject, nowMs) !== null;
  }

  /**
   * @param times how many causes this call stands for
   * @returns how many were left out since the subject was last told of, where it is time to tell; else null
   */
  leftOut(subject: string, nowMs: number, times = 1): number | null {
    const told = this.#told.get(subject);
    if (told !== undefined && nowMs < told.atMs + this.#everyMs) {
      told.leftOut += times;
      return null;
    }
    this.#told.delete(subject);
    const oldest = this.#told.size >= this.#maxSubjects ? this.#told.keys().next().value : undefined;
    if (oldest !== undefined) this.#told.delete(oldest);
    this.#told.set(subject, { atMs: nowMs, leftOut: 0 });
    return told?.leftOut ?? 0;
  }
}

/** The owner's services by name; read from storage once a session and wake. */
export class ServiceTable {
  readonly #store: HubStore;
  #of: string | null = null;
  #byName: ReadonlyMap<string, Service> | null = null;

  constructor(store: HubStore) {
    this.#store = store;
  }

  /** @param connection of the owner; null where there is none */
  byName(connection: string | null): ReadonlyMap<string, Service> {
    return this.#told(connection) ?? NONE;
  }

  /** Its list follows its hello: until then nobody can say what it exposes, nor that it does not. */
  isTold(connection: string | null): boolean {
    return this.#told(connection) !== null;
  }

  changed(): void {
    this.#of = null;
  }

  #told(connection: string | null): ReadonlyMap<string, Service> | null {
    if (connection !== null && this.#of !== connection) {
      const services = this.#store.exposed(connection);
      this.#byName = services === null ? null : new Map(services.map((service) => [service.name, service]));
      this.#of = connection;
    }
    return connection === null ? null : this.#byName;
  }
}

const NONE: ReadonlyMap<string, Service> = new Map();
