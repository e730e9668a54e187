import { useEffect, useState } from "preact/hooks";
import { beginningOf, lengthOf, type Span, within } from "../../core/plot.ts";
import { useSurroundings } from "../surroundings.ts";
import { useNow } from "../use-now.ts";
import { Panel } from "./panel.tsx";
import { type Line, Plot } from "./plot.tsx";
import { useHistory } from "./use-history.ts";

/** One plot: figures of the Monitor's that are read alike. */
export interface Plotted {
  readonly title: string;
  readonly figures: readonly { readonly name: string; readonly figure: string }[];
  readonly inWords: (value: number | null) => string;
  readonly marks?: readonly { readonly name: string; readonly value: number }[];
}

const RANGES = [
  { name: "15 min", seconds: 900 },
  { name: "1 h", seconds: 3600 },
  { name: "6 h", seconds: 21_600 },
  { name: "24 h", seconds: 86_400 },
] as const;
/** The Monitor keeps steps of 10 s for so long, and steps of a minute for a day. */
const FINE_S = 3600;
/** Asked for a whole hour of fine steps, it would be late by the time that the question takes. */
const ON_THE_WAY_S = 15;

interface Props {
  /** `link:tn-1-tn-2`, as the Monitor names it. */
  readonly of: string;
  readonly plots: readonly Plotted[];
}

/** What was, up to a day ago: all plots show the same time. */
export function History({ of, plots }: Props) {
  const { api } = useSurroundings();
  const [picked, setPicked] = useState<number | null>(null);
  const rangeS = picked ?? RANGES[1].seconds;
  const [chosen, setChosen] = useState<Span | null>(null);
  const nowS = useNow(5000) / 1000;
  const whole: Span = { fromS: nowS - rangeS, toS: nowS };
  const span = chosen === null ? whole : within(chosen, whole);
  const sinceS = nowS - span.fromS <= FINE_S + 5 ? FINE_S - ON_THE_WAY_S : Math.max(rangeS, FINE_S + 60);
  const look = (next: Span): void => setChosen(lengthOf(next) >= rangeS - 1 ? null : next);
  const names = plots.flatMap(({ figures }) => figures.map(({ figure }) => figure));
  const known = useHistory(api, of, names, sinceS);
  const beginningS = beginningOf(known);
  useEffect(() => {
    // Of what is young there is nothing to see further back.
    if (picked === null && beginningS !== null)
      setPicked(RANGES[nowS - beginningS < RANGES[0].seconds ? 0 : 1].seconds);
  }, [beginningS]);
  return (
    <Panel
      title="History"
      class="wide"
      aside={
        <div class="ranges" role="group" aria-label="Time shown">
          {chosen !== null && (
            <button type="button" onClick={() => setChosen(null)}>
              Whole range
            </button>
          )}
          {RANGES.map(({ name, seconds }) => (
            <button
              key={name}
              type="button"
              aria-pressed={seconds === rangeS}
              onClick={() => {
                setPicked(seconds);
                setChosen(null);
              }}
            >
              {name}
            </button>
          ))}
        </div>
      }
    >
      <div class="plots">
        {plots.map(({ title, figures, inWords, marks }) => (
          <Plot
            key={title}
            title={title}
            lines={figures.map(({ name, figure }, at): Line => ({
              name,
              look: at === 0 ? "first" : "second",
              series: known[names.indexOf(figure)] ?? { stepS: 10, points: [] },
            }))}
            inWords={inWords}
            whole={whole}
            span={span}
            onSpan={look}
            {...(marks === undefined ? {} : { marks })}
          />
        ))}
      </div>
    </Panel>
  );
}
