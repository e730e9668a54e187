import { isStanding } from "../../core/alarms.ts";
import { bits, milliseconds, perSecond, rate } from "../../core/figures.ts";
import { totalsOf } from "../../core/totals.ts";
import { NetworkMap } from "../map/network-map.tsx";
import { AlarmList } from "../parts/alarm-list.tsx";
import { AuditTail } from "../parts/audit-tail.tsx";
import { HealthCounts } from "../parts/health-mark.tsx";
import { LinkTable } from "../parts/link-table.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { RelayPanel } from "../parts/relay-list.tsx";
import { IpsecTable, NodeTable, PairTable, SiteTable, StreamTable } from "../parts/tables.tsx";
import { useSurroundings } from "../surroundings.ts";

/** The network at one glance. */
export function NetworkPage() {
  const { view } = useSurroundings();
  const totals = totalsOf(view);
  const standing = view.alarms.filter(isStanding);
  return (
    <>
      <h1 class="unseen">Network</h1>
      <dl class="figures strip" aria-label="The network in figures">
        <Figure name="Links">
          <HealthCounts of={view.links} />
        </Figure>
        <Figure name="Nodes">
          <HealthCounts of={view.nodes} />
        </Figure>
        <Figure name="Key in store">{bits(totals.availableBits)}</Figure>
        <Figure name="Key in">{rate(totals.keyRateBps)}</Figure>
        <Figure name="Key used">{rate(totals.useRateBps)}</Figure>
        <Figure name="Requests" note={`${perSecond(totals.errorsPerS)} 5xx`}>
          {perSecond(totals.requestsPerS)}
        </Figure>
        <Figure name="Slowest p99" note={totals.slowest?.id}>
          {milliseconds(totals.slowest?.p99Ms ?? null)}
        </Figure>
      </dl>
      <div class="overview">
        <section class="panel map-panel" aria-label="Map">
          <NetworkMap />
        </section>
        <div class="beside">
          <Panel title="Alarms" aside={<a href="#/alarms">All {standing.length === 0 ? "" : standing.length}</a>}>
            {standing.length === 0 ? <Nothing>None.</Nothing> : <AlarmList alarms={standing.slice(0, 4)} isShort />}
          </Panel>
          <RelayPanel title="Relays" relays={view.relays} most={5} />
        </div>
      </div>
      <LinkTable />
      <div class="columns">
        <NodeTable />
        <PairTable />
        <SiteTable />
        <StreamTable />
        <IpsecTable />
        <Panel title="Audit" aside={<a href="#/audit">All</a>}>
          <AuditTail records={view.audit.slice(-8)} isShort />
        </Panel>
      </div>
    </>
  );
}
