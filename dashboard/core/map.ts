/** What the map draws of a network. */
import type { MonitorLink, MonitorRelay, MonitorView } from "../../shared/api/monitor-schemas.ts";
import { rate } from "./figures.ts";
import { HEALTH } from "./health.ts";
import type { Edge, Point } from "./layout.ts";

/** Pixels: from a link that brings nothing to one that brings 10 Mbit/s and more; each step is tenfold. */
const WIDTH = { least: 2, most: 9, fromBps: 1e2, toBps: 1e7 } as const;

export function widthOf(keyRateBps: number | null): number {
  const { least, most, fromBps, toBps } = WIDTH;
  const share = Math.log(Math.max(fromBps, keyRateBps ?? 0) / fromBps) / Math.log(toBps / fromBps);
  return Math.round((least + Math.min(1, share) * (most - least)) * 10) / 10;
}

export const edgesOf = (links: readonly Pick<MonitorLink, "nodes">[]): readonly Edge[] =>
  links.map(({ nodes: [a, b] }) => [a, b]);

/** What a link's label says: how fast key comes, unless something is wrong or the pool wants no more. */
export function saidOf({ health, level, key_rate_bps: keyRateBps }: MonitorLink): string {
  if (health !== "ok") return HEALTH[health].word;
  return level === "high" && (keyRateBps ?? 0) < IDLE_BPS ? "full" : rate(keyRateBps);
}
/** A full pool is topped up now and then. */
const IDLE_BPS = 1;

/** What of the pool's capacity is full, drawn so that the watermarks can be told apart: the high one is at 80 %. */
export function levelOf(link: Pick<MonitorLink, "available_bits" | "low_bits" | "high_bits" | "capacity_bits">) {
  const { available_bits: available, low_bits: low, high_bits: high, capacity_bits: capacity } = link;
  const most = high === null || high === 0 ? capacity : Math.min(capacity, high / 0.8);
  const share = (value: number | null): number | null =>
    value === null || most === 0 ? null : Math.min(1, Math.max(0, value / most));
  return { filled: share(available), low: share(low), high: share(high) };
}

/** Relays that were not there before, oldest first, no more than can be followed at once. */
export function newRelays(view: MonitorView, seen: ReadonlySet<string>, most: number): readonly MonitorRelay[] {
  const fresh = view.relays.filter(({ id, path }) => !seen.has(id) && path.length > 1);
  return fresh.slice(0, most).toReversed();
}

/** A line through the points, cut back by `gap` at both its ends: it begins and ends at nodes' edges. */
export function pathThrough(points: readonly Point[], gap: number): string {
  const [first, second, last, before] = [points[0], points[1], points.at(-1), points.at(-2)];
  if (first === undefined || second === undefined || last === undefined || before === undefined) return "";
  const ends = [towards(first, second, gap), ...points.slice(1, -1), towards(last, before, gap)];
  return ends.map(({ x, y }, at) => `${at === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
}

export function towards(from: Point, to: Point, by: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(0.5, by / length);
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

/** Pixels: how far a node's caption reaches below its middle and to its sides, half a label added to each. */
const CAPTION = { below: 71, beside: 100 } as const;
/** Further down a label would stand on the lower node. */
const LOWEST_SHARE = 0.62;

/** Where the label of a link stands: in its middle, and further down where it would cover what is below the upper node. */
export function labelAt(a: Point, b: Point): Point {
  const [upper, lower] = a.y <= b.y ? [a, b] : [b, a];
  const [dx, dy] = [lower.x - upper.x, lower.y - upper.y];
  const isClear = Math.abs(dx) / 2 > CAPTION.beside || dy === 0;
  const share = isClear ? 0.5 : Math.min(LOWEST_SHARE, Math.max(0.5, CAPTION.below / dy));
  return { x: upper.x + dx * share, y: upper.y + dy * share };
}
