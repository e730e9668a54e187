/** Plots of figures over time: scales, ticks, lines with gaps, and the part of time that is looked at. */
export type Sample = readonly [atS: number, value: number | null];

export interface Series {
  readonly stepS: number;
  readonly points: readonly Sample[];
}

/** Unix seconds. */
export interface Span {
  readonly fromS: number;
  readonly toS: number;
}

export const lengthOf = ({ fromS, toS }: Span): number => toS - fromS;

const SPAN_LEAST_S = 60;

/** In or out around a moment, which stays where it is; never beyond `whole`. */
export function zoomedSpan(span: Span, whole: Span, by: number, aroundS: number): Span {
  const length = Math.min(lengthOf(whole), Math.max(SPAN_LEAST_S, lengthOf(span) / by));
  const share = (aroundS - span.fromS) / Math.max(1, lengthOf(span));
  return within({ fromS: aroundS - share * length, toS: aroundS + (1 - share) * length }, whole);
}

export const shiftedSpan = ({ fromS, toS }: Span, whole: Span, byS: number): Span =>
  within({ fromS: fromS + byS, toS: toS + byS }, whole);

/** Moved inside, its length kept where that fits. */
export function within(span: Span, whole: Span): Span {
  const length = Math.min(lengthOf(span), lengthOf(whole));
  const fromS = Math.min(Math.max(span.fromS, whole.fromS), whole.toS - length);
  return { fromS, toS: fromS + length };
}

/** Round steps, about so many of them, that hold `most`. @returns from 0 upwards, the last one at least `most` */
export function ticksTo(most: number, about: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const rough = most / about;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough) ?? 10) * power;
  const ticks = [0];
  while ((ticks.at(-1) ?? 0) < most * (1 - 1e-9)) ticks.push(ticks.length * step);
  return ticks;
}

const TIME_STEPS_S = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200];

/** At round times of the reader's clock. @param offsetS of that clock to UTC */
export function timeTicks({ fromS, toS }: Span, about: number, offsetS: number): readonly number[] {
  const step = TIME_STEPS_S.find((each) => each * about >= toS - fromS) ?? 86_400;
  const ticks = [];
  for (let at = Math.ceil((fromS + offsetS) / step) * step - offsetS; at <= toS; at += step) ticks.push(at);
  return ticks;
}

/** The samples of a span and one at either side, so that lines reach its edges. */
export function samplesIn(points: readonly Sample[], { fromS, toS }: Span): readonly Sample[] {
  const first = points.findIndex(([at]) => at >= fromS);
  if (first === -1) return [];
  const beyond = points.findIndex(([at]) => at > toS);
  return points.slice(Math.max(0, first - 1), beyond === -1 ? undefined : beyond + 1);
}

/** Runs of known values: a line breaks where one is not known, or where samples are missing. */
export function runsOf(points: readonly Sample[], stepS: number): readonly (readonly (readonly [number, number])[])[] {
  const runs: (readonly [number, number])[][] = [];
  let lastS = Number.NEGATIVE_INFINITY;
  for (const [at, value] of points) {
    if (value === null) {
      lastS = Number.NEGATIVE_INFINITY;
      continue;
    }
    if (at - lastS > 2.5 * stepS) runs.push([]);
    runs.at(-1)?.push([at, value]);
    lastS = at;
  }
  return runs;
}

/** The sample whose moment is nearest; null: there is none. */
export function nearest(points: readonly Sample[], atS: number): Sample | null {
  let best: Sample | null = null;
  for (const point of points) if (best === null || Math.abs(point[0] - atS) < Math.abs(best[0] - atS)) best = point;
  return best;
}

/** A peak is cut off where it is so many times what all else is at most; it may be so many samples long, or such a share. */
const PEAK = { times: 5, samples: 4, share: 0.05 } as const;

/**
 * What the scale of some lines has to hold: their most, unless that is a short peak which would flatten all else.
 *
 * @returns `peak`: what is cut off; null: nothing is
 */
export function topOf(lines: readonly (readonly Sample[])[]): { readonly top: number; readonly peak: number | null } {
  const tops = lines.map((points) => {
    const values = points.flatMap(([, value]) => (value === null ? [] : [value])).toSorted((a, b) => b - a);
    const [most = 0] = values;
    const usual = values[Math.max(PEAK.samples, Math.ceil(PEAK.share * values.length))] ?? 0;
    // Where there is not much besides, the peak is what there is to see.
    const isPeak = usual > 0 && most > PEAK.times * usual && values.length > 2 * PEAK.samples;
    return { most, usual: isPeak ? usual : most };
  });
  const [most, usual] = [Math.max(0, ...tops.map((each) => each.most)), Math.max(0, ...tops.map((each) => each.usual))];
  return usual < most ? { top: usual, peak: most } : { top: most, peak: null };
}

/** Unix seconds of the first figure that is known; null: there is none. */
export function beginningOf(lines: readonly Series[]): number | null {
  const firsts = lines.flatMap(({ points }) => points.find(([, value]) => value !== null)?.[0] ?? []);
  return firsts.length === 0 ? null : Math.min(...firsts);
}

/** Pixels. */
export const FRAME = { height: 150, left: 62, right: 6, top: 12, bottom: 20 } as const;

export interface Scales {
  readonly width: number;
  readonly span: Span;
  readonly x: (atS: number) => number;
  readonly y: (value: number) => number;
  /** Where a pointer is in time: never beyond the span. */
  readonly atS: (x: number) => number;
}

/** @param top the figure at the upper edge, where what is more is drawn too */
export function scalesOf(span: Span, width: number, top: number): Scales {
  const across = Math.max(1, width - FRAME.left - FRAME.right);
  const upward = FRAME.height - FRAME.top - FRAME.bottom;
  return {
    width,
    span,
    x: (atS) => FRAME.left + ((atS - span.fromS) / lengthOf(span)) * across,
    y: (value) => FRAME.height - FRAME.bottom - Math.min(1, value / top) * upward,
    atS: (x) => span.fromS + Math.min(1, Math.max(0, (x - FRAME.left) / across)) * lengthOf(span),
  };
}
