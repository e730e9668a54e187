import { alarmsOf } from "../../core/alarms.ts";
import { bits, emptyIn, rate } from "../../core/figures.ts";
import { AlarmList } from "../parts/alarm-list.tsx";
import { History, type Plotted } from "../parts/history.tsx";
import { PairLevelBar } from "../parts/level-bar.tsx";
import { Missing, PageHead } from "../parts/page-head.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { RelayPanel } from "../parts/relay-list.tsx";
import { useSurroundings } from "../surroundings.ts";

const PLOTS: readonly Plotted[] = [
  { title: "Key in store", figures: [{ name: "in store", figure: "available_bits" }], inWords: bits },
  {
    title: "Key rate",
    figures: [
      { name: "in", figure: "key_rate_bps" },
      { name: "used", figure: "use_rate_bps" },
    ],
    inWords: rate,
  },
];

/** Relayed key of two nodes. */
export function PairPage({ id }: { readonly id: string }) {
  const { view } = useSurroundings();
  const pair = view.pairs.find((each) => each.id === id);
  if (pair === undefined) return <Missing kind="Pair" name={id} />;
  const alarms = alarmsOf(view.alarms, ["pair"], id);
  const [a, b] = pair.nodes;
  const relays = view.relays.filter(({ from, to }) => (from === a && to === b) || (from === b && to === a));
  return (
    <>
      <PageHead kind="Relayed key" name={pair.nodes.join(" – ")} health={pair.health} reasons={pair.reasons} />
      <dl class="figures strip" aria-label="The pair in figures">
        <Figure name="Key in store" note={<PairLevelBar pair={pair} />}>
          {bits(pair.available_bits)}
        </Figure>
        <Figure name="Wanted at hand">{bits(pair.target_bits)}</Figure>
        <Figure name="Key in">{rate(pair.key_rate_bps)}</Figure>
        <Figure name="Key used">{rate(pair.use_rate_bps)}</Figure>
        <Figure name="Empty in">{emptyIn(pair)}</Figure>
        <Figure name="Disjoint paths">{pair.disjoint_paths}</Figure>
      </dl>
      <History of={`pair:${id}`} plots={PLOTS} />
      <div class="columns">
        <RelayPanel title="Relays" relays={relays} most={12} />
        <Panel title="Alarms">{alarms.length === 0 ? <Nothing>None.</Nothing> : <AlarmList alarms={alarms} />}</Panel>
      </div>
    </>
  );
}
