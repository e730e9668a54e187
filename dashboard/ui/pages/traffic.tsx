import { milliseconds, percent, perSecond } from "../../core/figures.ts";
import { totalsOf } from "../../core/totals.ts";
import { DataTable } from "../parts/data-table.tsx";
import { History, type Plotted } from "../parts/history.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";

const PLOTS: readonly Plotted[] = [
  {
    title: "Requests",
    figures: [
      { name: "all", figure: "requests_per_s" },
      { name: "5xx", figure: "errors_per_s" },
    ],
    inWords: perSecond,
  },
  { title: "Latency, p99", figures: [{ name: "p99", figure: "p99_ms" }], inWords: milliseconds },
];

/** Rates and latencies of the HTTP interface. */
export function TrafficPage() {
  const { view } = useSurroundings();
  const totals = totalsOf(view);
  const busiest = view.operations.toSorted((a, b) => b.requests_per_s - a.requests_per_s);
  const { requestsPerS, errorsPerS } = totals;
  return (
    <>
      <h1>Traffic</h1>
      <dl class="figures strip" aria-label="Traffic in figures">
        <Figure name="Requests">{perSecond(requestsPerS)}</Figure>
        <Figure
          name="Errors (5xx)"
          note={requestsPerS ? `${percent((errorsPerS ?? 0) / requestsPerS)} of all` : undefined}
        >
          {perSecond(errorsPerS)}
        </Figure>
        <Figure name="Slowest p99" note={totals.slowest?.id}>
          {milliseconds(totals.slowest?.p99Ms ?? null)}
        </Figure>
      </dl>
      <History of="deployment" plots={PLOTS} />
      <Panel title="Operations" aside={<a href="/docs/api">What they are</a>}>
        {busiest.length === 0 ? (
          <Nothing>Nobody has asked for anything of late.</Nothing>
        ) : (
          <DataTable
            name="Operations"
            columns={["Operation", "#Requests", "#Errors (5xx)", "#Median", "#p99"]}
            rows={busiest.map(({ id, requests_per_s, errors_per_s, p50_ms, p99_ms }) => ({
              id,
              cells: [
                <code>{id}</code>,
                perSecond(requests_per_s),
                perSecond(errors_per_s),
                milliseconds(p50_ms),
                milliseconds(p99_ms),
              ],
            }))}
          />
        )}
      </Panel>
    </>
  );
}
