/**
 * The deployment's alarms: those that the Monitor raises by what it sees, and those of all objects. Each is raised once,
 * cleared when its cause is gone, and kept for a day after that.
 */
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { AlarmOf, CertificateFact, Facts, Sample } from "../../shared/monitor/alarm-facts.ts";
import { type Alarm, type AlarmChange, alarmKey, judgeAlarms, type Lasting } from "../../shared/monitor/alarm-judge.ts";
import type { Acknowledging, AlarmsRpc, AlarmState, ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import type { WebhookEntry } from "../../shared/network/document.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { ok, type Result } from "../../shared/result.ts";
import { identitiesOf, type IdentityEnv } from "../peers/identities.ts";
import type { Database } from "../storage/database.ts";
import { AuditOutbox, outboxMigration } from "../storage/outbox.ts";
import { alarmMigration, AlarmStore } from "./alarm-store.ts";
import { Webhooks } from "./webhooks.ts";
import { webhookMigration, WebhookStore } from "./webhook-store.ts";

/** To be part of a migration of the Monitor. */
export const alarmsMigration = `${alarmMigration}${webhookMigration}${outboxMigration}`;

const SHIP_AGAIN_MS = 5000;

/** What of the network counts here. */
interface Told {
  readonly name: string;
  readonly webhooks: readonly WebhookEntry[];
}

/** By `alarmKey`. */
type Standing = ReadonlyMap<string, { readonly alarm: Alarm; readonly told: MonitorAlarm }>;

interface AlarmsParts {
  readonly db: Database;
  readonly env: IdentityEnv;
  readonly logOf: (node: string) => Pick<AuditLogRpc, "append">;
  readonly nowMs: () => number;
}

export class Alarms implements AlarmsRpc {
  readonly #parts: AlarmsParts;
  readonly #store: AlarmStore;
  readonly #webhooks: Webhooks;
  readonly #outbox: AuditOutbox;
  readonly #lasting: Lasting = { causes: new Map(), gone: new Map() };
  /** As they are stored; null: to be read. */
  #standing: Standing | null = null;
  #shipAgainMs = 0;

  constructor(parts: AlarmsParts) {
    const { db, env, nowMs } = parts;
    this.#parts = parts;
    this.#store = new AlarmStore(db);
    this.#outbox = new AuditOutbox(db, "monitor", LIMITS);
    this.#webhooks = new Webhooks({ store: new WebhookStore(db), identities: () => identitiesOf(env), nowMs });
  }

  /** Those that stand, the latest first. */
  standing(): readonly MonitorAlarm[] {
    return [...this.#read().values()].map(({ told }) => told);
  }

  /** How many stand of an entity. */
  countOf({ kind, id }: AlarmOf): number {
    return this.standing().filter(({ of }) => of.kind === kind && of.id === id).length;
  }

  /** With each sample: raises and clears, and has webhooks told. `work` is due after it. */
  judge(sample: Sample, network: Told): void {
    const nowMs = this.#parts.nowMs();
    try {
      this.#store.transaction(() => {
        this.#store.forgetOld(nowMs);
        this.#webhooks.keep(network.webhooks, network.name);
        const standing = new Map([...this.#read()].map(([key, { alarm }]) => [key, alarm]));
        const facts: Facts = {
          ...sample,
          certificates: [...this.#store.endingCertificates(nowMs), ...ofAgents(sample)],
          failingWebhooks: this.#webhooks.failing,
          hasIdentity: identitiesOf(this.#parts.env) !== null,
          nowMs,
        };
        const changes = judgeAlarms(standing, facts, this.#lasting);
        const [over, others] = [changes.filter(isOver), changes.filter((change) => !isOver(change))];
        let room = LIMITS.alarmsStanding - standing.size + over.length;
        for (const change of [...over, ...others]) {
          if (change.what === "raised" && room-- <= 0) continue;
          this.#apply(change, nowMs);
        }
        if (changes.length > 0) this.#standing = null;
      });
    } catch (error) {
      this.#standing = null;
      throw error;
    }
  }

  async listAlarms(state: AlarmState): Promise<readonly MonitorAlarm[]> {
    return this.#store.list(state);
  }

  async acknowledgeAlarm({ alarm: id, principal, note }: Acknowledging): Promise<Result<MonitorAlarm, Fault>> {
    const nowMs = this.#parts.nowMs();
    return this.#store.transaction(() => {
      const known = this.#store.byId(id);
      if (known === undefined) return fail("not-found", "no such alarm");
      if (known.cleared !== null) return fail("conflict", "the alarm has been cleared");
      this.#store.acknowledge(id, note === null ? null : { principal, note, nowMs });
      this.#standing = null;
      const { code, subject } = known;
      const detail = { code, subject, of: nameOf(known), ...(note === null ? {} : { note }) };
      this.#audit(note === null ? "alarm.unacknowledged" : "alarm.acknowledged", principal, detail, nowMs);
      const alarm = this.#store.byId(id) ?? known;
      if (note !== null) this.#webhooks.tell("alarm.acknowledged", alarm);
      return ok(alarm);
    });
  }

  async webhooks(): ReturnType<AlarmsRpc["webhooks"]> {
    return await this.#webhooks.states();
  }

  async certificatesSeen(shown: readonly ShownCertificate[]): Promise<void> {
    const nowMs = this.#parts.nowMs();
    this.#store.transaction(() => {
      for (const each of shown.slice(0, LIMITS.certificatesToldAtOnce)) this.#store.sawCertificate(each, nowMs);
      this.#store.forgetCertificates(nowMs);
    });
  }

  /** When `work` has something to do; Infinity: never. */
  dueMs(nowMs: number): number {
    const shipMs = this.#outbox.pending() === 0 ? Infinity : Math.max(nowMs, this.#shipAgainMs);
    return Math.min(shipMs, this.#webhooks.dueMs());
  }

  /** Ships what is to be audited, and brings messages to webhooks. Bounded; again does no harm. */
  async work(): Promise<void> {
    await Promise.all([this.#ship(), this.#webhooks.work()]);
  }

  async #ship(): Promise<void> {
    if (this.#outbox.pending() === 0 || this.#parts.nowMs() < this.#shipAgainMs) return;
    const { failedNodes } = await this.#outbox.ship(this.#parts.logOf);
    this.#shipAgainMs = failedNodes.length > 0 ? this.#parts.nowMs() + SHIP_AGAIN_MS : 0;
  }

  #read(): Standing {
    this.#standing ??= new Map(this.#store.standing().map((each) => [alarmKey(each.alarm), each]));
    return this.#standing;
  }

  #apply({ what, alarm }: AlarmChange, nowMs: number): void {
    const told = what === "cleared" ? this.#store.clear(alarm, nowMs) : this.#store.put(alarm);
    if (what === "set" || told === undefined) return;
    this.#webhooks.tell(`alarm.${what}`, told);
    // Of what an object has told, that object has written it to the log.
    if (alarm.by === "told") return;
    const { code, subject, detail } = alarm;
    this.#audit(`alarm.${what}`, "system", { code, subject, of: nameOf(told), detail }, nowMs);
  }

  #audit(act: string, who: string, detail: Readonly<Record<string, string>>, atMs: number): void {
    this.#outbox.recordOrDrop([{ atMs, act, who, node: DEPLOYMENT_LOG, detail }]);
  }
}

const isOver = ({ what }: AlarmChange): boolean => what === "cleared";

const nameOf = ({ of: { kind, id } }: Pick<MonitorAlarm, "of">): string => (kind === id ? id : `${kind} ${id}`);

/** Of the agents that are connected: what they have told when they connected. */
const ofAgents = ({ hubs }: Sample): CertificateFact[] =>
  hubs.flatMap(({ site, agents }) =>
    agents.flatMap(({ agent, certificates = [] }) =>
      certificates.map(({ name, notBeforeMs, notAfterMs }) => ({
        of: { kind: "site" as const, id: site },
        subject: `${agent}, ${name}`,
        notBeforeMs,
        notAfterMs,
      })),
    ),
  );
