/** Alarms in the order somebody should look at them, and counted. */
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { ALARM_SEVERITIES, type Severity } from "../../shared/monitor/severities.ts";
import { SEEN_ALARMS } from "../../shared/monitor/alarm-codes.ts";
import { byId } from "./order.ts";

export const isStanding = ({ cleared }: MonitorAlarm): boolean => cleared === null;

/** Standing and not acknowledged first, then by severity, then the newest. */
export const byUrgency = (a: MonitorAlarm, b: MonitorAlarm): number =>
  Number(!isStanding(a)) - Number(!isStanding(b)) ||
  Number(a.acknowledged !== null) - Number(b.acknowledged !== null) ||
  ALARM_SEVERITIES.indexOf(a.severity) - ALARM_SEVERITIES.indexOf(b.severity) ||
  b.last.localeCompare(a.last) ||
  byId(a, b);

export type AlarmObject = MonitorAlarm["of"];

export const alarmsOf = (alarms: readonly MonitorAlarm[], kinds: readonly AlarmObject["kind"][], id: string) =>
  alarms.filter(({ of }) => kinds.includes(of.kind) && of.id === id);

/** By what they are of, each at the place of its first: one cause often raises several. */
export function byObject(alarms: readonly MonitorAlarm[]) {
  const groups = new Map<string, { readonly of: AlarmObject; readonly alarms: MonitorAlarm[] }>();
  for (const alarm of alarms) {
    const { of } = alarm;
    const name = `${of.kind}/${of.id}`;
    const group = groups.get(name) ?? { of, alarms: [] };
    groups.set(name, group);
    group.alarms.push(alarm);
  }
  return [...groups.values()];
}

/** Of those that stand and nobody has acknowledged, the worst; null: there is none. */
export function worstOf(alarms: readonly MonitorAlarm[]): Severity | null {
  const open = alarms.filter((alarm) => isStanding(alarm) && alarm.acknowledged === null);
  return ALARM_SEVERITIES.find((severity) => open.some((alarm) => alarm.severity === severity)) ?? null;
}

const CLEARED_AT: Readonly<Partial<Record<AlarmObject["kind"], (id: string, code: string) => string>>> = {
  link: (id, code) => `/api/v1/links/${id}/alarms/${code}`,
  pair: (id, code) => `/api/v1/pairs/${id}/alarms/${code}`,
  node: (id, code) => `/api/v1/nodes/${id}/alarms/${code}`,
  ipsec: (id, code) => `/api/v1/nodes/${id}/ipsec/alarms/${code}`,
  site: (id, code) => `/api/v1/sites/${id}/alarms/${code}`,
};

/** Where the alarms of this code are cleared; null: they clear themselves. A pair is told without its pool: `tn-1|tn-4`. */
export function clearPath({ of, code }: Pick<MonitorAlarm, "of" | "code">): string | null {
  if (Object.hasOwn(SEEN_ALARMS, code)) return null;
  const id = of.kind === "pair" ? (of.id.split("#", 1)[0] ?? "") : of.id;
  return CLEARED_AT[of.kind]?.(encodeURIComponent(id), encodeURIComponent(code)) ?? null;
}
