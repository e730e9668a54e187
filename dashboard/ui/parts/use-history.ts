import { useEffect, useState } from "preact/hooks";
import type { MonitorHistory } from "../../../shared/api/monitor-schemas.ts";
import type { Api } from "../../browser/api.ts";
import type { Series } from "../../core/plot.ts";

const PATH = "/api/v1/monitor/history";
const AGAIN_MS = 10_000;
const NONE: Series = { stepS: 10, points: [] };

/** A figure since so many seconds ago, asked for again as time goes by. */
export function useHistory(api: Api, of: string, figures: readonly string[], sinceS: number): readonly Series[] {
  const [known, setKnown] = useState<Readonly<Record<string, Series>>>({});
  useEffect(() => {
    let isWanted = true;
    const read = async (): Promise<void> => {
      const since = new Date(Date.now() - sinceS * 1000).toISOString();
      const answers = await Promise.all(
        figures.map(
          async (figure) =>
            await api.get<MonitorHistory>(`${PATH}?${new URLSearchParams({ of, figure, since }).toString()}`),
        ),
      );
      if (!isWanted) return;
      setKnown(
        Object.fromEntries(
          answers.flatMap((answer, at) =>
            answer.ok ? [[figures[at] ?? "", { stepS: answer.value.step_s, points: answer.value.points }]] : [],
          ),
        ),
      );
    };
    void read();
    const timer = setInterval(() => void read(), AGAIN_MS);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
    // Their names: the list itself is made anew with each drawing.
  }, [api, of, figures.join(), sinceS]);
  return figures.map((figure) => known[figure] ?? NONE);
}
