import type { MonitorLink, MonitorPair } from "../../../shared/api/monitor-schemas.ts";
import { bits } from "../../core/figures.ts";
import { levelOf } from "../../core/map.ts";

const WIDTH = 100;

type Level = MonitorLink["level"];

/** A pool's level, and its watermarks as ticks. */
export function LevelBar({ link }: { readonly link: MonitorLink }) {
  const { filled, low, high } = levelOf(link);
  const words = `${bits(link.available_bits)} in store, ${link.level ?? "level not known"}; watermarks at ${bits(link.low_bits)} and ${bits(link.high_bits)}`;
  return <Bar level={link.level} filled={filled} ticks={[low, high]} words={words} />;
}

/** Of relayed key: full is what is kept at hand. */
export function PairLevelBar({ pair }: { readonly pair: MonitorPair }) {
  const { available_bits: available, target_bits: target } = pair;
  const filled = available === null || target === null ? null : Math.min(1, available / Math.max(1, target));
  const words = `${bits(available)} in store of ${bits(target)} wanted`;
  return <Bar level={pair.level} filled={filled} ticks={[]} words={words} />;
}

interface BarProps {
  readonly level: Level;
  readonly filled: number | null;
  readonly ticks: readonly (number | null)[];
  readonly words: string;
}

const Bar = ({ level, filled, ticks, words }: BarProps) => (
  <svg
    class={`level ${level ?? "unknown"}`}
    viewBox={`0 0 ${WIDTH} 8`}
    preserveAspectRatio="none"
    role="img"
    aria-label={words}
  >
    <title>{words}</title>
    <rect class="ground" width={WIDTH} height="8" />
    <rect class="filled" width={WIDTH * (filled ?? 0)} height="8" />
    {ticks.map((tick) => tick !== null && <path key={tick} class="tick" d={`M${WIDTH * tick} 0V8`} />)}
  </svg>
);
