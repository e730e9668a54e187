import { useEffect, useRef, useState } from "preact/hooks";
import { dayOf, offsetS, shortTimeOf } from "../../browser/clock.ts";
import {
  FRAME,
  nearest,
  runsOf,
  samplesIn,
  scalesOf,
  type Series,
  type Span,
  ticksTo,
  topOf,
} from "../../core/plot.ts";
import { Chosen, Cursor, Grid, type Look, Run, Watermark } from "./plot-marks.tsx";
import { usePlotCursor } from "./use-plot-cursor.ts";

export interface Line {
  readonly name: string;
  readonly look: Look;
  readonly series: Series;
}

interface Props {
  readonly title: string;
  readonly lines: readonly Line[];
  readonly inWords: (value: number | null) => string;
  /** What there is to be seen, and what of it is. */
  readonly whole: Span;
  readonly span: Span;
  readonly onSpan: (span: Span) => void;
  /** Lines across: watermarks. */
  readonly marks?: readonly { readonly name: string; readonly value: number }[];
}

export function Plot({ title, lines, inWords, whole, span, onSpan, marks = [] }: Props) {
  const frame = useRef<SVGSVGElement>(null);
  const width = useWidth(frame);
  const shown = lines.map((line) => ({ ...line, points: samplesIn(line.series.points, span) }));
  const { top, peak } = topOf(shown.map(({ points }) => points));
  // Room above, or one would take the line there for what is.
  const ticks = ticksTo(Math.max(peak === null ? top : 1.2 * top, ...marks.map(({ value }) => value)), 3);
  const scales = scalesOf(span, width, ticks.at(-1) ?? 1);
  const { cursorS, fromS, handlers } = usePlotCursor({ scales, whole, stepS: lines[0]?.series.stepS ?? 10, onSpan });
  const read = shown.map(({ name, look, points }) => ({
    name,
    look,
    sample: cursorS === null ? (points.at(-1) ?? null) : nearest(points, cursorS),
  }));
  const pointedS = cursorS === null ? null : (read.find(({ sample }) => sample !== null)?.sample?.[0] ?? null);
  const isEmpty = shown.every(({ points }) => points.every(([, value]) => value === null));
  const words = `${title}, from ${dayOf(span.fromS * 1000)} to ${dayOf(span.toS * 1000)}. Arrow keys read it, plus and minus zoom, Shift and an arrow key move it, 0 shows all.`;
  return (
    <figure class="plot">
      <figcaption>
        <h3>{title}</h3>
        <p class="readings" aria-live={cursorS === null ? "off" : "polite"}>
          {read.map(({ name, look, sample }) => (
            <span key={name} class={`reading ${look}`}>
              {lines.length > 1 && name} <strong>{inWords(sample?.[1] ?? null)}</strong>
            </span>
          ))}
          <span class="moment">{pointedS === null ? "now" : shortTimeOf(pointedS * 1000)}</span>
        </p>
      </figcaption>
      <svg ref={frame} height={FRAME.height} role="group" tabindex={0} aria-label={words} {...handlers}>
        <Grid scales={scales} ticks={ticks} inWords={inWords} offsetS={offsetS()} />
        {marks.map(({ name, value }) => (
          <Watermark key={name} scales={scales} name={name} value={value} />
        ))}
        {shown.map(({ name, look, points, series }) =>
          runsOf(points, series.stepS).map((run) => (
            <Run
              key={`${name} ${run[0]?.[0] ?? 0}`}
              scales={scales}
              run={run}
              look={look}
              isFilled={lines.length === 1}
            />
          )),
        )}
        {fromS !== null && cursorS !== null && <Chosen scales={scales} fromS={fromS} toS={cursorS} />}
        {pointedS !== null && <Cursor scales={scales} atS={pointedS} samples={read} />}
        {peak !== null && (
          <text x={FRAME.left + 6} y={FRAME.top + 8}>
            A peak of {inWords(peak)} is cut off
          </text>
        )}
        {isEmpty && (
          <text class="none" x={width / 2} y={FRAME.height / 2}>
            No figures of this time
          </text>
        )}
      </svg>
    </figure>
  );
}

function useWidth(frame: { readonly current: SVGSVGElement | null }): number {
  const [width, setWidth] = useState(480);
  useEffect(() => {
    if (frame.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 480));
    observer.observe(frame.current);
    return () => observer.disconnect();
  }, [frame]);
  return width;
}
