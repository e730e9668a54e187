/**
 * How well each part of the network is: a table a kind, each line a condition and what it is called. All lines that hold
 * give their words, and the worst gives the health; what nobody has told is not known, whatever else holds.
 */
import type { Health, MonitorAlarm, MonitorView } from "../api/monitor-schemas.ts";
import type { RelayStatus } from "../keypool/types.ts";
import type { MonitorLink, MonitorNode, MonitorPair, MonitorSite } from "../api/monitor-schemas.ts";

interface Line<Facts> {
  readonly health: Exclude<Health, "ok">;
  /** In words; null: it does not hold. */
  readonly why: (facts: Facts) => string | null;
}

export interface Judged {
  readonly health: Health;
  readonly reasons: string[];
}

/** Has everything answered that was asked? */
interface Answered {
  /** Those that have not, or have not been asked so far. */
  readonly missing: readonly string[];
}

/** Seconds until a link is empty, below which that is worth a word. */
const SOON_S = 600;

const when = (holds: boolean, words: string): string | null => (holds ? words : null);

const notKnown: Line<Answered> = {
  health: "unknown",
  why: ({ missing }) => when(missing.length > 0, `no answer from ${missing.join(", ")}`),
};

export interface LinkFacts extends Answered {
  readonly link: Omit<MonitorLink, keyof Judged | "alarms">;
  /** Codes of the alarms of its QKD modules. */
  readonly moduleAlarms: ReadonlySet<string>;
  /** Why no relay takes it; null: relays may, or nobody knows. */
  readonly problem: string | null;
  /** Neither of its nodes is hosted here. */
  readonly isElsewhere: boolean;
}

export const LINK_LINES: readonly Line<LinkFacts>[] = [
  notKnown,
  { health: "unknown", why: ({ isElsewhere }) => when(isElsewhere, "both of its nodes are hosted elsewhere") },
  {
    health: "down",
    why: ({ link }) => when(link.level === "empty" && !isFilling(link), "no key is left, and none comes in"),
  },
  {
    health: "down",
    why: ({ moduleAlarms }) => when(moduleAlarms.has("qber-above-bound"), "more errors than any key survives"),
  },
  {
    health: "down",
    why: ({ link }) => when(link.module_state === "mismatched", "its modules are not set up for one another"),
  },
  { health: "degraded", why: ({ link }) => when(link.level === "empty" && isFilling(link), "no key is left") },
  { health: "degraded", why: ({ link }) => when(link.level === "low", "less key is left than the low watermark") },
  {
    health: "degraded",
    why: ({ link: { empty_in_s: left } }) =>
      when(left !== null && left < SOON_S, `empty in ${left} s as it is used now`),
  },
  { health: "degraded", why: ({ link }) => when(link.conserved === false, "its ledger does not add up") },
  {
    health: "degraded",
    why: ({ link }) => when(link.module_state === "connecting", "its modules do not reach each other"),
  },
  { health: "degraded", why: ({ link }) => when(link.module_state === "stopped", "a module of it does not run") },
  { health: "degraded", why: ({ problem }) => (problem === null ? null : `relays go around it: ${problem}`) },
];

const isFilling = ({ key_rate_bps: rate }: Pick<MonitorLink, "key_rate_bps">): boolean => (rate ?? 0) > 0;

export interface PairFacts extends Answered {
  readonly pair: Omit<MonitorPair, keyof Judged | "alarms">;
  readonly isDraining: boolean;
  readonly lastFault: RelayStatus["lastFault"];
}

export const PAIR_LINES: readonly Line<PairFacts>[] = [
  notKnown,
  {
    health: "down",
    why: ({ pair, lastFault }) =>
      lastFault !== null && pair.available_bits === 0
        ? `no key is left, and none can be brought in: ${lastFault.message}`
        : null,
  },
  {
    health: "degraded",
    why: ({ pair, lastFault }) =>
      lastFault !== null && pair.available_bits !== 0 ? `key could not be brought in: ${lastFault.message}` : null,
  },
  {
    // Of relayed key none is kept where none is used.
    health: "degraded",
    why: ({ pair, lastFault }) =>
      when(lastFault === null && pair.level === "empty" && (pair.target_bits ?? 0) > 0, "no key is left"),
  },
  {
    health: "degraded",
    why: ({ pair }) => when(pair.level === "low", "less key is left than a quarter of what is wanted"),
  },
  { health: "degraded", why: ({ isDraining }) => when(isDraining, "it gives no new keys") },
];

export interface NodeFacts extends Answered {
  readonly node: Omit<MonitorNode, keyof Judged | "alarms">;
  /** Of its links. */
  readonly links: readonly Health[];
}

export const NODE_LINES: readonly Line<NodeFacts>[] = [
  notKnown,
  {
    health: "down",
    why: ({ links }) => when(links.length > 0 && links.every((health) => health === "down"), "all its links are down"),
  },
  {
    health: "degraded",
    why: ({ links }) =>
      when(links.includes("down") && links.some((health) => health !== "down"), "a link of it is down"),
  },
  {
    health: "degraded",
    why: ({ node: { ipsec } }) =>
      when((ipsec?.failed ?? 0) > 0, `${ipsec?.failed} entries of its IPsec host have failed`),
  },
];

export interface SiteFacts extends Answered {
  readonly site: Omit<MonitorSite, keyof Judged | "alarms">;
}

export const SITE_LINES: readonly Line<SiteFacts>[] = [
  notKnown,
  {
    health: "down",
    why: ({ site: { agents } }) =>
      when((agents ?? []).length > 0 && !agents?.some(({ state }) => state === "active"), "no agent is connected"),
  },
];

const WORST: readonly Health[] = ["unknown", "down", "degraded"];

export function judge<Facts>(lines: readonly Line<Facts>[], facts: Facts): Judged {
  const held = lines.flatMap(({ health, why }) => {
    const reason = why(facts);
    return reason === null ? [] : [{ health, reason }];
  });
  const health = WORST.find((each) => held.some((line) => line.health === each)) ?? "ok";
  const reasons = held.filter((line) => health !== "unknown" || line.health === "unknown").map(({ reason }) => reason);
  return { health, reasons };
}

/** A view with its alarms, those that stand: how many stand of each entity; what was well is not, with alarms. */
export function withAlarms(view: MonitorView, alarms: readonly MonitorAlarm[]): MonitorView {
  const standing = Map.groupBy(alarms, ({ of: { kind, id } }) => `${kind === "ipsec" ? "node" : kind}:${id}`);
  const withThose = <E extends Judged & { readonly id: string; readonly alarms: number }>(
    kind: string,
    entity: E,
  ): E => {
    const own = standing.get(`${kind}:${entity.id}`) ?? [];
    if (own.length === 0) return entity;
    const worth = own.filter(({ severity }) => severity !== "info");
    const codes = [...new Set(worth.map(({ code }) => code))];
    return {
      ...entity,
      alarms: own.length,
      health: entity.health === "ok" && worth.length > 0 ? "degraded" : entity.health,
      reasons: worth.length === 0 ? entity.reasons : [...entity.reasons, `alarms stand: ${codes.join(", ")}`],
    };
  };
  return {
    ...view,
    nodes: view.nodes.map((node) => withThose("node", node)),
    links: view.links.map((link) => withThose("link", link)),
    pairs: view.pairs.map((pair) => withThose("pair", pair)),
    sites: view.sites.map((site) => withThose("site", site)),
    alarms: [...alarms],
  };
}
