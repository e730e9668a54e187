/**
 * The alarms that the Monitor raises by what it sees: one rule a code, pure. An alarm is raised once its cause has lasted
 * for `raiseMs`, and cleared once it has been gone for `clearMs`; where a figure is compared with a bound, an alarm that
 * stands is measured by a wider one. So none flaps.
 */
import type { Health } from "../api/monitor-schemas.ts";
import { instant } from "../instant.ts";
import { LIMITS } from "../limits.ts";
import type { SeenAlarmCode } from "./alarm-codes.ts";
import { type AlarmOf, type CertificateFact, DEPLOYMENT, type Facts } from "./alarm-facts.ts";

export interface Cause {
  readonly of: AlarmOf;
  readonly subject: string;
  /** In words, and as long as possible the same: each change of it is one of the alarm. */
  readonly detail: string;
}

/** Does this alarm of the rule's code stand? */
export type Stands = (of: AlarmOf, subject: string) => boolean;

interface Rule {
  readonly raiseMs: number;
  readonly clearMs: number;
  readonly causes: (facts: Facts, stands: Stands) => readonly Cause[];
  /** Whether nobody can say now if the cause of an alarm that stands is gone, though what it is of is known. */
  readonly isUnknown?: (facts: Facts, subject: string) => boolean;
}

const S = 1000;
const DAY_MS = 24 * 3600 * S;

interface Entity {
  readonly id: string;
  readonly health: Health;
}

const known = ({ health }: Entity): boolean => health !== "unknown";
const cause = (kind: AlarmOf["kind"], { id }: Pick<Entity, "id">, detail: string, subject = id): Cause => ({
  of: { kind, id },
  subject,
  detail,
});

export const RULES: Readonly<Record<SeenAlarmCode, Rule>> = {
  "pool-empty": {
    raiseMs: 10 * S,
    clearMs: 10 * S,
    causes: ({ view: { links, pairs } }) => [
      ...links.filter((link) => known(link) && link.level === "empty").map((link) => cause("link", link, "0 bits")),
      // Of relayed key none is kept where none is used.
      ...pairs
        .filter((pair) => known(pair) && pair.level === "empty" && (pair.target_bits ?? 0) > 0)
        .map((pair) => cause("pair", pair, `0 of ${pair.target_bits} bits that are wanted`)),
    ],
  },
  "pool-low": {
    raiseMs: 30 * S,
    clearMs: 30 * S,
    causes: ({ view: { links, pairs } }, stands) => [
      ...links
        .filter((link) => known(link) && link.level !== "empty")
        .filter((link) => {
          const factor = stands({ kind: "link", id: link.id }, link.id) ? LIMITS.alarmHoldFactor : 1;
          return (link.available_bits ?? Infinity) < factor * (link.low_bits ?? 0);
        })
        .map((link) => cause("link", link, `below the low watermark of ${link.low_bits} bits`)),
      ...pairs
        .filter((pair) => known(pair) && pair.level === "low")
        .map((pair) => cause("pair", pair, `below a quarter of the ${pair.target_bits} bits that are wanted`)),
    ],
  },
  "link-down": {
    raiseMs: 10 * S,
    clearMs: 10 * S,
    causes: ({ view: { links } }) =>
      links.filter(({ health }) => health === "down").map((link) => cause("link", link, link.reasons.join("; "))),
  },
  "qber-high": {
    raiseMs: 10 * S,
    clearMs: 60 * S,
    causes: ({ view: { links } }, stands) =>
      links
        .filter((link) => {
          const factor = stands({ kind: "link", id: link.id }, link.id) ? 1 / LIMITS.alarmHoldFactor : 1;
          return known(link) && (link.qber ?? 0) > factor * LIMITS.alarmQber;
        })
        .map((link) => cause("link", link, `more than ${percent(LIMITS.alarmQber)} of the last blocks' bits`)),
  },
  "not-conserved": {
    // The shards of a link are not asked at the same moment.
    raiseMs: 5 * S,
    clearMs: 60 * S,
    causes: ({ view: { links } }) =>
      links
        .filter((link) => known(link) && link.conserved === false)
        .map((link) => cause("link", link, "what came in is not the sum of the states")),
  },
  "tunnel-down": {
    // An agent whose connection breaks is back within this.
    raiseMs: 15 * S,
    clearMs: 5 * S,
    causes: ({ hubs, nowMs }) =>
      hubs
        // Agents that only reach other sites do not serve their own.
        .filter(({ servedMs = null, agents }) => servedMs !== null && agents.length > 0)
        .filter(({ agents }) => agents.every((agent) => !isHeard(agent, nowMs)))
        .map(({ site, agents }) => {
          const names = new Set(agents.map(({ agent }) => agent));
          return cause("site", { id: site }, `nothing is heard of ${[...names].join(", ")}`);
        }),
  },
  "no-answer": {
    raiseMs: 30 * S,
    clearMs: 0,
    causes: ({ view: { nodes, links, pairs, sites } }) => {
      // Of what is another deployment's nothing is asked.
      const hosted = new Set(nodes.filter((node) => node.hosted).map(({ id }) => id));
      const asked = {
        node: nodes.filter(({ id }) => hosted.has(id)),
        link: links.filter((link) => link.nodes.some((id) => hosted.has(id))),
        pair: pairs,
        site: sites,
      };
      return Object.entries(asked).flatMap(([kind, entities]) =>
        entities
          .filter((entity) => !known(entity))
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names of the table above
          .map((entity) => cause(kind as AlarmOf["kind"], entity, entity.reasons.join("; "))),
      );
    },
  },
  "certificate-expiring": {
    raiseMs: 0,
    // Of an agent nothing is known while it connects anew: that shall not end what somebody has acknowledged.
    clearMs: 60 * S,
    causes: ({ certificates, nowMs }) =>
      certificates.filter((each) => each.notAfterMs > nowMs && each.notAfterMs - nowMs < warningMs(each)).map(ends),
  },
  "certificate-expired": {
    raiseMs: 0,
    clearMs: 60 * S,
    causes: ({ certificates, nowMs }) => certificates.filter(({ notAfterMs }) => notAfterMs <= nowMs).map(ends),
  },
  "clock-skew": {
    raiseMs: 0,
    clearMs: 60 * S,
    causes: ({ hubs }) =>
      hubs.flatMap(({ site, agents }) =>
        agents.flatMap(({ agent, clockAheadMs = 0 }) =>
          Math.abs(clockAheadMs) > LIMITS.agentClockSkewMs
            ? [cause("site", { id: site }, skewWords(clockAheadMs), agent)]
            : [],
        ),
      ),
  },
  "audit-fault": {
    raiseMs: 0,
    clearMs: 60 * S,
    causes: ({ faults, nowMs }) => {
      // It has happened, and nothing undoes it: seen for a day.
      const fresh = faults.filter(({ atMs }) => nowMs - atMs < DAY_MS);
      return [...Map.groupBy(fresh, ({ log }) => log)].map(([log, own]) => {
        const words = own.map(({ act, index }) => `${act}, record ${index}`);
        return { of: DEPLOYMENT, subject: log, detail: words.join("; ") };
      });
    },
    isUnknown: ({ unheardLogs }, log) => unheardLogs.includes(log),
  },
  "alarms-dropped": {
    raiseMs: 0,
    clearMs: 60 * S,
    causes: ({ leftOut }) =>
      leftOut === 0
        ? []
        : [
            {
              of: DEPLOYMENT,
              subject: "deployment",
              detail: `as many as may, ${LIMITS.alarmsStanding}, stand already`,
            },
          ],
  },
  "no-identity": {
    raiseMs: 0,
    clearMs: 0,
    causes: ({ hasIdentity }) =>
      hasIdentity ? [] : [{ of: DEPLOYMENT, subject: "deployment", detail: "set it to base64 of 32 random bytes" }],
  },
  "webhook-failing": {
    raiseMs: 0,
    clearMs: 0,
    causes: ({ failingWebhooks }) =>
      failingWebhooks.map(({ webhook, detail }) => ({ of: DEPLOYMENT, subject: webhook, detail })),
  },
};

/** Its connection may outlast it. */
const isHeard = ({ state, heardMs }: Facts["hubs"][number]["agents"][number], nowMs: number): boolean =>
  state === "active" && (heardMs === undefined || nowMs - heardMs < LIMITS.alarmSilentAgentMs);

const percent = (share: number): string => `${Math.round(share * 100)} %`;

/** Short-lived ones are renewed late. */
const warningMs = ({ notBeforeMs, notAfterMs }: CertificateFact): number =>
  Math.min(LIMITS.alarmCertificateMs, (notAfterMs - notBeforeMs) / 3);

const ends = ({ of, subject, notAfterMs }: CertificateFact): Cause => ({
  of,
  subject,
  detail: `not after ${instant(notAfterMs)}`,
});

const skewWords = (aheadMs: number): string =>
  `${Math.round(Math.abs(aheadMs) / S)} s ${aheadMs > 0 ? "ahead of" : "behind"} the edge's when it connected`;
