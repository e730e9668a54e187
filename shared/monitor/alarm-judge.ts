/** From a sample to changes of the alarms that stand. Pure: what has to last until it counts is kept in `Lasting`. */
import { LIMITS } from "../limits.ts";
import type { SeenAlarmCode } from "./alarm-codes.ts";
import type { AlarmOf, Facts, ObjectAlarm, Sample, Told } from "./alarm-facts.ts";
import { RULES } from "./alarm-rules.ts";

/** An alarm, whoever raised it. */
export interface Alarm extends ObjectAlarm {
  readonly of: AlarmOf;
  /** `seen`: by the Monitor. `told`: by an object, which keeps it and has written it to its audit log. */
  readonly by: "seen" | "told";
}

export type AlarmChange =
  /** `set`: new, or changed. */
  { readonly what: "raised" | "set" | "cleared"; readonly alarm: Alarm };

export const alarmKey = ({ code, of, subject }: Pick<Alarm, "code" | "of" | "subject">): string =>
  JSON.stringify([code, of.kind, of.id, subject]);

/** Since when causes are there whose alarms do not stand yet, and gone whose alarms still do; by `alarmKey`. */
export interface Lasting {
  readonly causes: Map<string, number>;
  readonly gone: Map<string, number>;
}

/**
 * @param standing by `alarmKey`
 * @param lasting of the samples before; changed by this call
 */
export function judgeAlarms(standing: ReadonlyMap<string, Alarm>, facts: Facts, lasting: Lasting): AlarmChange[] {
  const there = new Present(facts);
  return [
    ...(Object.keys(RULES) as SeenAlarmCode[]).flatMap((code) => judgeRule(code, standing, facts, lasting, there)),
    ...judgeTold(standing, facts, there),
  ];
}

function judgeRule(
  code: SeenAlarmCode,
  standing: ReadonlyMap<string, Alarm>,
  facts: Facts,
  { causes: since, gone }: Lasting,
  there: Present,
): AlarmChange[] {
  const { nowMs } = facts;
  const rule = RULES[code];
  const changes: AlarmChange[] = [];
  const stands = (of: AlarmOf, subject: string): boolean => standing.has(alarmKey({ code, of, subject }));
  // Of several causes of one alarm the last one counts.
  const causes = new Map(rule.causes(facts, stands).map((cause) => [alarmKey({ code, ...cause }), cause]));
  for (const [key, { of, subject, detail: words }] of causes) {
    const known = standing.get(key);
    const detail = words.slice(0, LIMITS.alarmDetailChars);
    gone.delete(key);
    if (known !== undefined) {
      const isDue = known.detail !== detail || nowMs - known.lastMs >= LIMITS.alarmRefreshMs;
      if (isDue) changes.push({ what: "set", alarm: { ...known, detail, lastMs: nowMs } });
      continue;
    }
    const sinceMs = since.get(key) ?? nowMs;
    since.set(key, sinceMs);
    if (nowMs - sinceMs < rule.raiseMs) continue;
    since.delete(key);
    const alarm: Alarm = { by: "seen", code, of, subject, firstMs: sinceMs, lastMs: nowMs, count: 1, detail };
    changes.push({ what: "raised", alarm });
  }
  for (const key of since.keys()) if (isOf(code, key) && !causes.has(key)) since.delete(key);
  for (const [key, alarm] of standing) {
    if (alarm.code !== code || alarm.by !== "seen" || causes.has(key)) continue;
    const state = there.state(alarm.of);
    // Of what is not known now nobody can say that it is over; `no-answer` itself is over once it is known.
    if (code !== "no-answer" && (state === "unknown" || rule.isUnknown?.(facts, alarm.subject) === true)) continue;
    const goneMs = gone.get(key) ?? nowMs;
    gone.set(key, goneMs);
    if (state !== "gone" && nowMs - goneMs < rule.clearMs) continue;
    gone.delete(key);
    changes.push({ what: "cleared", alarm });
  }
  return changes;
}

const isOf = (code: string, key: string): boolean => key.startsWith(`${JSON.stringify([code]).slice(0, -1)},`);

function judgeTold(standing: ReadonlyMap<string, Alarm>, { told }: Facts, there: Present): AlarmChange[] {
  const now = new Map<string, Alarm>();
  const whole = new Map<string, boolean>();
  for (const { of, alarms, isWhole } of told) {
    whole.set(placeOf(of), (whole.get(placeOf(of)) ?? true) && isWhole);
    for (const alarm of alarms) {
      const key = alarmKey({ ...alarm, of });
      now.set(key, merged(now.get(key), of, alarm));
    }
  }
  const changes: AlarmChange[] = [];
  for (const [key, alarm] of now) {
    const known = standing.get(key);
    if (known === undefined) changes.push({ what: "raised", alarm });
    else if (isNewer(alarm, known)) changes.push({ what: "set", alarm });
  }
  for (const [key, alarm] of standing) {
    if (alarm.by !== "told" || now.has(key)) continue;
    const isOver = whole.get(placeOf(alarm.of)) === true || there.state(alarm.of) === "gone";
    if (isOver) changes.push({ what: "cleared", alarm });
  }
  return changes;
}

const placeOf = ({ kind, id }: AlarmOf): string => `${kind} ${id}`;

/** Shards of a pool, and the two ends' modules, may raise the same. */
function merged(other: Alarm | undefined, of: AlarmOf, { code, subject, ...alarm }: Told["alarms"][number]): Alarm {
  const { firstMs, lastMs, count, detail } = alarm;
  if (other === undefined) return { by: "told", of, code, subject, firstMs, lastMs, count, detail };
  return {
    ...other,
    firstMs: Math.min(firstMs, other.firstMs),
    lastMs: Math.max(lastMs, other.lastMs),
    count: count + other.count,
    detail: lastMs > other.lastMs ? detail : other.detail,
  };
}

/** One that is raised many times a second is not written as often. */
const isNewer = (alarm: Alarm, known: Alarm): boolean =>
  alarm.detail !== known.detail ||
  alarm.firstMs !== known.firstMs ||
  (alarm.count !== known.count && alarm.lastMs - known.lastMs >= 1000);

/** What there is in the network, and what of it is known. */
class Present {
  readonly #healths: ReadonlyMap<string, string>;
  readonly #arePairsKnown: boolean;

  constructor({ view: { nodes, links, pairs, sites }, arePairsKnown }: Pick<Sample, "view" | "arePairsKnown">) {
    this.#arePairsKnown = arePairsKnown;
    const kinds = { node: nodes, ipsec: nodes, link: links, pair: pairs, site: sites };
    this.#healths = new Map(
      Object.entries(kinds).flatMap(([kind, entities]) =>
        entities.map(({ id, health }) => [`${kind} ${id}`, health] as const),
      ),
    );
  }

  state(of: AlarmOf): "there" | "unknown" | "gone" {
    if (of.kind === "deployment") return "there";
    if (of.kind === "pair" && !this.#arePairsKnown) return "unknown";
    const health = this.#healths.get(placeOf(of));
    return health === undefined ? "gone" : health === "unknown" ? "unknown" : "there";
  }
}
