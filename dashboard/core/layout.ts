/**
 * Where nodes stand on the map: distances on the map follow the hops between nodes (stress majorization, as in
 * Gansner, Koren and North 2004), so that a chain lies straight and a ring is round. The same network is always laid
 * out alike: nothing here is random.
 */
export interface Point {
  readonly x: number;
  readonly y: number;
}
export type Places = Readonly<Record<string, Point>>;
export type Edge = readonly [string, string];
type Hops = readonly (readonly number[])[];

/** Map units between neighbours. */
export const HOP = 200;
const ROUNDS = 400;
/** Steps of arithmetic that a layout may take: large networks get fewer rounds. */
const WORK = 10_000_000;
const OFF_LINE = HOP / 10;
/** Golden angle: no two sines of its multiples are alike. */
const TURN = Math.PI * (3 - Math.sqrt(5));
const NEAR = 1e-6;

/** @param kept places that stay as they are: others arrange themselves around them */
export function laidOut(ids: readonly string[], edges: readonly Edge[], kept: Places = {}): Places {
  const standing = ids.flatMap((id) => (kept[id] === undefined ? [] : [[id, kept[id]] as const]));
  if (standing.length === ids.length) return Object.fromEntries(standing);
  const at = new Map(ids.map((id, index) => [id, index]));
  const hops = hopsBetween(
    ids.length,
    edges.flatMap(([a, b]) => {
      const [from, to] = [at.get(a), at.get(b)];
      return from === undefined || to === undefined ? [] : [[from, to] as const];
    }),
  );
  const isFixed = ids.map((id) => kept[id] !== undefined);
  const settled = BEGINNINGS.map((beginning): Spots => {
    const spots = beginning(hops);
    for (const [i, id] of ids.entries())
      [spots.xs[i], spots.ys[i]] = [kept[id]?.x ?? spots.xs[i] ?? 0, kept[id]?.y ?? spots.ys[i] ?? 0];
    settleAll(spots, hops, isFixed);
    return spots;
  });
  const [best] = settled.toSorted((a, b) => stressOf(a, hops) - stressOf(b, hops));
  if (best === undefined) return {};
  if (!isFixed.includes(true)) turnLevel(best);
  return Object.fromEntries(
    ids.map((id, i) => [id, { x: Math.round(best.xs[i] ?? 0), y: Math.round(best.ys[i] ?? 0) }]),
  );
}

interface Spots {
  readonly xs: Float64Array;
  readonly ys: Float64Array;
}

/** What comes of settling depends on where it begins: on a line is good for what is long, on a spiral for what is round. */
const BEGINNINGS: readonly ((hops: Hops) => Spots)[] = [
  (hops) => {
    const fromFirst = hops[0] ?? [];
    const fromRim = hops[fromFirst.indexOf(Math.max(...fromFirst))] ?? [];
    return {
      xs: Float64Array.from(hops, (_, i) => HOP * (fromRim[i] ?? 0)),
      ys: Float64Array.from(hops, (_, i) => OFF_LINE * Math.sin(i * TURN)),
    };
  },
  (hops) => ({
    xs: Float64Array.from(hops, (_, i) => HOP * Math.sqrt(i + 0.5) * Math.cos(i * TURN)),
    ys: Float64Array.from(hops, (_, i) => HOP * Math.sqrt(i + 0.5) * Math.sin(i * TURN)),
  }),
];

function settleAll(spots: Spots, hops: Hops, isFixed: readonly boolean[]): void {
  const rounds = Math.min(ROUNDS, Math.max(4, Math.floor(WORK / (hops.length ** 2 + 1))));
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < hops.length; i++) if (isFixed[i] !== true) settle(i, spots, hops[i] ?? []);
  }
}

/** By how much distances differ from what is wanted, as shares of that. */
function stressOf({ xs, ys }: Spots, hops: Hops): number {
  let stress = 0;
  for (let i = 0; i < xs.length; i++) {
    for (let j = 0; j < i; j++) {
      const dx = (xs[i] ?? 0) - (xs[j] ?? 0);
      const dy = (ys[i] ?? 0) - (ys[j] ?? 0);
      stress += (Math.sqrt(dx * dx + dy * dy) / ((hops[i]?.[j] ?? 1) * HOP) - 1) ** 2;
    }
  }
  return stress;
}

/** Moves one node to where the others, each at its distance, want it on average; the near ones count most. */
function settle(i: number, { xs, ys }: Spots, hops: readonly number[]): void {
  const x = xs[i] ?? 0;
  const y = ys[i] ?? 0;
  let sumX = 0;
  let sumY = 0;
  let weights = 0;
  for (let j = 0; j < xs.length; j++) {
    if (j === i) continue;
    const dx = x - (xs[j] ?? 0);
    const dy = y - (ys[j] ?? 0);
    const wanted = (hops[j] ?? 1) * HOP;
    const weight = 1 / (wanted * wanted);
    const stretch = wanted / Math.max(NEAR, Math.sqrt(dx * dx + dy * dy));
    sumX += weight * (x - dx + stretch * dx);
    sumY += weight * (y - dy + stretch * dy);
    weights += weight;
  }
  if (weights === 0) return;
  xs[i] = sumX / weights;
  ys[i] = sumY / weights;
}

/** Hops from each node to each other, by breadth; those that nothing joins stand a little apart. */
function hopsBetween(count: number, edges: readonly (readonly [number, number])[]): Hops {
  const next: number[][] = Array.from({ length: count }, () => []);
  for (const [a, b] of edges) {
    next[a]?.push(b);
    next[b]?.push(a);
  }
  const apart = Math.max(2, Math.sqrt(count));
  return next.map((_, from) => {
    const hops = Array.from({ length: count }, () => -1);
    hops[from] = 0;
    const queue = [from];
    for (const here of queue) {
      for (const there of next[here] ?? []) {
        if (hops[there] !== -1) continue;
        hops[there] = (hops[here] ?? 0) + 1;
        queue.push(there);
      }
    }
    return hops.map((value) => (value === -1 ? apart : value));
  });
}

/** Turns the whole so that it is widest from left to right, the first node on the left. */
function turnLevel({ xs, ys }: Spots): void {
  const [meanX, meanY] = [mean(xs), mean(ys)];
  let [xx, xy, yy] = [0, 0, 0];
  for (const [i, x] of xs.entries()) {
    const [dx, dy] = [x - meanX, (ys[i] ?? 0) - meanY];
    [xx, xy, yy] = [xx + dx * dx, xy + dx * dy, yy + dy * dy];
  }
  const angle = Math.atan2(2 * xy, xx - yy) / 2;
  const first = ((xs[0] ?? 0) - meanX) * Math.cos(angle) + ((ys[0] ?? 0) - meanY) * Math.sin(angle);
  const turn = first > 0 ? angle + Math.PI : angle;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  for (const [i, x] of xs.entries()) {
    const [dx, dy] = [x - meanX, (ys[i] ?? 0) - meanY];
    [xs[i], ys[i]] = [dx * cos + dy * sin, dy * cos - dx * sin];
  }
}

const mean = (values: Float64Array): number => values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
