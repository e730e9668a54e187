/**
 * Figures of late, in two rings of steps: of an hour, and of a day. A row holds one step's figures of some entities: few
 * rows are written a step, and few are read for one entity.
 */
import { DEPLOYMENT_FIGURES, LINK_FIGURES, type MonitorView } from "../api/monitor-schemas.ts";

export interface Ring {
  readonly stepSeconds: number;
  readonly steps: number;
}

/** The finest first. */
export const RINGS: readonly Ring[] = [
  { stepSeconds: 10, steps: 360 },
  { stepSeconds: 60, steps: 1440 },
];

/** So many rows a step at most. */
const PARTS = 64;

export const spanMs = ({ stepSeconds, steps }: Ring): number => stepSeconds * steps * 1000;

/** Unix seconds of the beginning of the step that a moment is in. */
export const stepAt = ({ stepSeconds }: Ring, atMs: number): number =>
  Math.floor(atMs / 1000 / stepSeconds) * stepSeconds;

/** The row's place in the ring. */
export const slotOf = ({ stepSeconds, steps }: Ring, stepS: number): number => (stepS / stepSeconds) % steps;

/** In which of a step's rows an entity's figures are: FNV-1a. */
export function partOf(of: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(of)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % PARTS;
}

/** The finest ring that reaches so far back. */
export const ringFor = (sinceMs: number, nowMs: number): Ring => {
  const [finest, coarsest = finest] = RINGS;
  if (finest === undefined || coarsest === undefined) throw new Error("there are rings");
  return nowMs - sinceMs <= spanMs(finest) ? finest : coarsest;
};

export type Figures = Readonly<Record<string, number | null>>;
/** By `link:ID`, `pair:ID`, `deployment`. */
export type FiguresByEntity = Readonly<Record<string, Figures>>;

/** What is kept of a view. */
export function figuresOf(view: MonitorView): FiguresByEntity {
  const entities: (readonly [string, Figures])[] = [
    ...view.links.map((link) => [`link:${link.id}`, pick(link, LINK_FIGURES)] as const),
    ...view.pairs.map((pair) => [`pair:${pair.id}`, pick(pair, PAIR_FIGURES)] as const),
    ["deployment", deploymentFigures(view)],
  ];
  return Object.fromEntries(entities);
}

export const PAIR_FIGURES = ["available_bits", "key_rate_bps", "use_rate_bps"] as const;

/** Kind of what `of` names -> the figures that are kept of it. */
export const FIGURES_BY_KIND: Readonly<Record<string, readonly string[]>> = {
  link: LINK_FIGURES,
  pair: PAIR_FIGURES,
  deployment: DEPLOYMENT_FIGURES,
};

const pick = <Name extends string>(entity: Readonly<Record<Name, number | null>>, names: readonly Name[]): Figures =>
  Object.fromEntries(names.map((name) => [name, entity[name]]));

/** The slowest operation's, as what is between two percentiles cannot be told from them. */
function deploymentFigures({ operations }: MonitorView): Figures {
  const p99s = operations.flatMap(({ p99_ms: p99 }) => (p99 === null ? [] : [p99]));
  const sum = (figure: (operation: MonitorView["operations"][number]) => number): number =>
    operations.reduce((total, operation) => total + figure(operation), 0);
  return {
    requests_per_s: sum((each) => each.requests_per_s),
    errors_per_s: sum((each) => each.errors_per_s),
    p99_ms: p99s.length === 0 ? null : Math.max(...p99s),
  };
}

/** The figures by the rows they are kept in. */
export function byPart(figures: FiguresByEntity): ReadonlyMap<number, FiguresByEntity> {
  const parts = Map.groupBy(Object.entries(figures), ([of]) => partOf(of));
  return new Map([...parts].map(([part, entries]) => [part, Object.fromEntries(entries)]));
}
