/**
 * Quotas: what one principal may take of one pair's keys. Pure rules; the pool keeps the counts
 * (durable-objects/key-pool/usage.ts).
 */
import type { LinkId, SaeId } from "../ids.ts";
import type { Policy } from "../network/document.ts";

/** As the policy sets it for one principal and one pair. */
export interface Quota {
  /** Keys it may ask for on one day (UTC); Infinity: as many as it likes. */
  readonly keysPerDay: number;
  /** 0 to 1: the share of the pool's material that its keys may hold until they are delivered. */
  readonly poolShare: number;
}

/** What one principal has had of one pool. */
export interface Usage {
  /** The day that `keysToday` counts. */
  readonly day: number;
  readonly keysToday: number;
  /** Of keys not yet delivered to every recipient, those included that other pools have not acknowledged. */
  readonly pendingBits: number;
}

/** What it asks for. */
export interface Wish {
  readonly keys: number;
  readonly bits: number;
}

/** Why not, in words for the client, and when to come again; null: never with this wish. */
export interface QuotaRefusal {
  readonly quota: "keys_per_day" | "pool_share";
  readonly message: string;
  readonly retryAfterSeconds: number | null;
}

export const NO_USAGE: Usage = { day: 0, keysToday: 0, pendingBits: 0 };

const UNLIMITED: Quota = { keysPerDay: Infinity, poolShare: 1 };
const DAY_MS = 24 * 3600 * 1000;
/** Nobody knows when the slaves fetch their keys: come and see. */
const SHARE_RETRY_SECONDS = 1;

type Entry = NonNullable<Policy["quotas"]>[number];
type Limits = Pick<Policy, "quota" | "quotas">;

/**
 * The quota of an SAE's keys over a link (null: within one node). Each of its members is that of the entry which says
 * most about whom it is for: SAE and link, then SAE, then link, then `quota`.
 */
export function quotaOf({ quota, quotas = [] }: Limits, sae: SaeId, link: LinkId | null): Quota {
  if (quota === undefined && quotas.length === 0) return UNLIMITED;
  const entries = quotas
    .filter((entry) => appliesTo(entry, link) && (entry.sae === undefined || entry.sae === sae))
    .toSorted((a, b) => weightOf(b) - weightOf(a));
  const all = [...entries, ...(quota === undefined ? [] : [quota])];
  const keysPerDay = all.find((each) => each.keys_per_day !== undefined)?.keys_per_day ?? 0;
  const poolShare = all.find((each) => each.pool_share !== undefined)?.pool_share ?? 1;
  return { keysPerDay: keysPerDay === 0 ? Infinity : keysPerDay, poolShare };
}

/** Is anybody's use of this link limited? */
export function hasQuotas({ quota, quotas = [] }: Limits, link: LinkId | null): boolean {
  return [...(quota === undefined ? [] : [quota]), ...quotas.filter((entry) => appliesTo(entry, link))].some(
    ({ keys_per_day: keys = 0, pool_share: share = 1 }) => keys > 0 || share < 1,
  );
}

const appliesTo = (entry: Entry, link: LinkId | null): boolean => entry.link === undefined || entry.link === link;
const weightOf = (entry: Entry): number => (entry.sae === undefined ? 0 : 2) + (entry.link === undefined ? 0 : 1);

/**
 * May it have these keys? The pool's supply is not looked at.
 * @param now materialBits: all that the pool could give out and has not delivered yet: available, reserved and pending
 *   bits; of a pool of relayed key, what could be brought in too
 * @returns null where it may
 */
export function refusalOf(
  quota: Quota,
  usage: Usage,
  wish: Wish,
  now: { readonly materialBits: number; readonly nowMs: number },
): QuotaRefusal | null {
  const { keysPerDay, poolShare } = quota;
  if (keysToday(usage, now.nowMs) + wish.keys > keysPerDay) {
    const message = `quota: ${keysPerDay} keys a day`;
    return wish.keys > keysPerDay
      ? { quota: "keys_per_day", message: `${message}, and ${wish.keys} were asked for`, retryAfterSeconds: null }
      : { quota: "keys_per_day", message, retryAfterSeconds: secondsToNextDay(usage, now.nowMs) };
  }
  if (poolShare < 1 && usage.pendingBits + wish.bits > poolShare * now.materialBits) {
    const percent = Number((poolShare * 100).toFixed(2));
    const message = `quota: keys not yet fetched may hold ${percent}% of the pool`;
    return { quota: "pool_share", message, retryAfterSeconds: SHARE_RETRY_SECONDS };
  }
  return null;
}

/** Usage once the wish is met. */
export function taken(usage: Usage, wish: Wish, nowMs: number): Usage {
  return {
    day: Math.max(usage.day, dayOf(nowMs)),
    keysToday: keysToday(usage, nowMs) + wish.keys,
    pendingBits: usage.pendingBits + wish.bits,
  };
}

/** Days since 1970-01-01 in UTC. */
export const dayOf = (nowMs: number): number => Math.floor(nowMs / DAY_MS);

/** A clock that was set back begins no new day. */
export const keysToday = (usage: Usage, nowMs: number): number => (usage.day >= dayOf(nowMs) ? usage.keysToday : 0);

const secondsToNextDay = (usage: Usage, nowMs: number): number =>
  Math.ceil(((Math.max(usage.day, dayOf(nowMs)) + 1) * DAY_MS - nowMs) / 1000);
