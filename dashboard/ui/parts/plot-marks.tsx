/** What a plot is drawn of. */
import { shortTimeOf } from "../../browser/clock.ts";
import { FRAME, type Sample, type Scales, timeTicks } from "../../core/plot.ts";

export type Look = "first" | "second";

interface GridProps {
  readonly scales: Scales;
  readonly ticks: readonly number[];
  readonly inWords: (value: number | null) => string;
  /** East of UTC. */
  readonly offsetS: number;
}

const TIME_PX = 90;

export const Grid = ({ scales: { x, y, width, span }, ticks, inWords, offsetS }: GridProps) => (
  <g class="grid" aria-hidden="true">
    {ticks.map((tick) => (
      <g key={tick}>
        <path d={`M${FRAME.left} ${y(tick)}H${width - FRAME.right}`} />
        <text class="value" x={FRAME.left - 8} y={y(tick) + 4}>
          {tick === 0 ? "0" : inWords(tick)}
        </text>
      </g>
    ))}
    {timeTicks(span, Math.max(2, Math.floor(width / TIME_PX)), offsetS)
      .filter((tick) => x(tick) > FRAME.left + 12 && x(tick) < width - 20)
      .map((tick) => (
        <text key={tick} class="time" x={x(tick)} y={FRAME.height - 4}>
          {shortTimeOf(tick * 1000)}
        </text>
      ))}
  </g>
);

interface RunProps {
  readonly scales: Scales;
  readonly run: readonly (readonly [number, number])[];
  readonly look: Look;
  readonly isFilled: boolean;
}

export function Run({ scales: { x, y }, run, look, isFilled }: RunProps) {
  const [first, last] = [run[0], run.at(-1)];
  if (first === undefined || last === undefined) return null;
  const line = run.map(([at, value], n) => `${n === 0 ? "M" : "L"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const area = `${line}L${x(last[0]).toFixed(1)} ${y(0)}L${x(first[0]).toFixed(1)} ${y(0)}Z`;
  return (
    <g class={`run ${look}`}>
      {isFilled && <path class="area" d={area} />}
      {run.length === 1 ? (
        <circle class="lone" cx={x(first[0])} cy={y(first[1])} r="2" />
      ) : (
        <path class="stroke" d={line} />
      )}
    </g>
  );
}

interface MarkProps {
  readonly scales: Scales;
  readonly name: string;
  readonly value: number;
}

export const Watermark = ({ scales: { y, width }, name, value }: MarkProps) => (
  <g class="mark-line">
    <path d={`M${FRAME.left} ${y(value)}H${width - FRAME.right}`} />
    <text x={width - FRAME.right} y={y(value) - 3}>
      {name}
    </text>
  </g>
);

interface CursorProps {
  readonly scales: Scales;
  readonly atS: number;
  readonly samples: readonly { readonly look: Look; readonly sample: Sample | null }[];
}

export const Cursor = ({ scales: { x, y }, atS, samples }: CursorProps) => (
  <>
    <path class="cursor" d={`M${x(atS)} ${FRAME.top}V${FRAME.height - FRAME.bottom}`} />
    {samples.map(({ look, sample }) => {
      const [at, value] = sample ?? [atS, null];
      return value !== null && <circle key={look} class={`pointed ${look}`} cx={x(at)} cy={y(value)} r="3" />;
    })}
  </>
);

/** What is about to be looked at closer. */
export const Chosen = ({
  scales: { x },
  fromS,
  toS,
}: {
  readonly scales: Scales;
  readonly fromS: number;
  readonly toS: number;
}) => (
  <rect
    class="chosen"
    x={Math.min(x(fromS), x(toS))}
    y={FRAME.top}
    width={Math.abs(x(toS) - x(fromS))}
    height={FRAME.height - FRAME.top - FRAME.bottom}
  />
);
