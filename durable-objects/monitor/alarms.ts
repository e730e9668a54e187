/**
 * The deployment's alarms: those that the Monitor raises by what it sees, and those of all objects. Each is raised once,
 * cleared when its cause is gone, and kept for a day after that.
 */
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import type { AuditLogRpc } from "../../shared/audit/event.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { CertificateFact, Facts, Sample } from "../../shared/monitor/alarm-facts.ts";
import { type Alarm, type AlarmChange, alarmKey, judgeAlarms, type Lasting } from "../../shared/monitor/alarm-judge.ts";
import type { Acknowledging, AlarmsRpc, AlarmState, ShownCertificate } from "../../shared/monitor/alarm-rpc.ts";
import type { WebhookEntry } from "../../shared/network/document.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { ok, type Result } from "../../shared/result.ts";
import { identitiesOf, type IdentityEnv } from "../peers/identities.ts";
import type { Database } from "../storage/database.ts";
import { AuditOutbox, outboxMigration } from "../storage/outbox.ts";
import { Shipping } from "../storage/shipping.ts";
import { alarmMigration, AlarmStore } from "./alarm-store.ts";
import { Webhooks } from "./webhooks.ts";
import { webhookMigration, WebhookStore } from "./webhook-store.ts";

/** To be part of a migration of the Monitor. */
export const alarmsMigration = `${alarmMigration}${webhookMigration}${outboxMigration}`;

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
  readonly #shipping: Shipping;
  /** As they are stored; null: to be read. */
  #standing: Standing | null = null;
  #lasting: Lasting | null = null;
  #ending: readonly CertificateFact[] | null = null;
  /** When what is old was looked for. */
  #tidiedMs = -Infinity;

  constructor(parts: AlarmsParts) {
    const { db, env, logOf, nowMs } = parts;
    this.#parts = parts;
    this.#store = new AlarmStore(db);
    this.#outbox = new AuditOutbox(db, "monitor", LIMITS);
    this.#shipping = new Shipping(this.#outbox, logOf, nowMs);
    this.#webhooks = new Webhooks({ store: new WebhookStore(db), identities: () => identitiesOf(env), nowMs });
  }

  /** Those that stand, the latest first. */
  standing(): readonly MonitorAlarm[] {
    return [...this.#read().values()].map(({ told }) => told);
  }

  /** With each sample: raises and clears, and has webhooks told. `begin` is due after it. */
  judge(sample: Sample, network: Told): void {
    const nowMs = this.#parts.nowMs();
    this.#webhooks.keep(network.webhooks, network.name);
    try {
      this.#store.transaction(() => {
        this.#tidy(nowMs);
        const standing = new Map([...this.#read()].map(([key, { alarm }]) => [key, alarm]));
        const facts: Omit<Facts, "leftOut"> = {
          ...sample,
          certificates: [...(this.#ending ?? []), ...ofAgents(sample)],
          failingWebhooks: this.#webhooks.failing,
          hasIdentity: identitiesOf(this.#parts.env) !== null,
          nowMs,
        };
        const before = (this.#lasting ??= this.#store.lasting());
        const judged = (leftOut: number) => {
          const lasting = { causes: new Map(before.causes), gone: new Map(before.gone) };
          const changes = judgeAlarms(standing, { ...facts, leftOut }, lasting);
          const taken = withRoom(changes, standing);
          return { lasting, taken, leftOut: changes.length - taken.length };
        };
        // That there is no room for all shows once they are judged, and is an alarm itself.
        const first = judged(0);
        const { lasting, taken } = first.leftOut === 0 ? first : judged(first.leftOut);
        this.#store.keepLasting(before, lasting);
        this.#lasting = lasting;
        for (const change of taken) this.#apply(change, nowMs);
        // At once, so that no more are kept than may be.
        if (taken.some(isOver)) this.#store.forgetOld(nowMs);
        if (taken.length > 0) this.#standing = null;
      });
    } catch (error) {
      this.#standing = null;
      this.#lasting = null;
      this.#ending = null;
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
    this.#ending = null;
  }

  /** When `begin` has something to begin; Infinity: never, or after what is under way. */
  dueMs(): number {
    return Math.min(this.#shipping.dueMs(), this.#webhooks.dueMs());
  }

  /**
   * Ships what is to be audited, and brings messages to webhooks: whatever is due and not under way, each part by itself
   * and bounded. After each there may be more.
   */
  begin(): readonly Promise<void>[] {
    return [this.#shipping.ship(), ...this.#webhooks.begin()];
  }

  #tidy(nowMs: number): void {
    const isDue = nowMs - this.#tidiedMs >= LIMITS.alarmTidyMs;
    if (isDue) {
      this.#store.forgetOld(nowMs);
      this.#tidiedMs = nowMs;
    }
    if (isDue || this.#ending === null) this.#ending = this.#store.endingCertificates(nowMs);
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

/** Without those that there is no room for; a place is kept for the alarm that says so. What is over comes first. */
function withRoom(changes: readonly AlarmChange[], standing: ReadonlyMap<string, Alarm>): readonly AlarmChange[] {
  const over = changes.filter(isOver);
  const gone = over.filter(({ alarm }) => isUsual(alarm)).length;
  let room = LIMITS.alarmsStanding - 1 - [...standing.values()].filter(isUsual).length + gone;
  const fits = ({ what, alarm }: AlarmChange): boolean => what !== "raised" || !isUsual(alarm) || room-- > 0;
  const kept = Map.groupBy(
    changes.filter((change) => !isOver(change) && fits(change)),
    ({ alarm }) => isUsual(alarm),
  );
  // The latest are listed first, and no more of them than anybody reads: what says so is to be there.
  return [...over, ...(kept.get(true) ?? []), ...(kept.get(false) ?? [])];
}

const isUsual = ({ code }: Alarm): boolean => code !== "alarms-dropped";
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
