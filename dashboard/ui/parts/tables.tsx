/** Short tables of the network page. What there is none of is left out. */
import { bytes, bits, count, emptyIn, rate } from "../../core/figures.ts";
import { byHealth } from "../../core/health.ts";
import { hashOf } from "../../core/route.ts";
import { agentWord } from "../../core/sites.ts";
import { useSurroundings } from "../surroundings.ts";
import { Few } from "./few.tsx";
import { HealthMark } from "./health-mark.tsx";
import { PairLevelBar } from "./level-bar.tsx";
import { DataTable } from "./data-table.tsx";
import { Panel } from "./panel.tsx";

const ROWS = 12;

export function NodeTable() {
  const { nodes } = useSurroundings().view;
  return (
    <Panel title="Nodes">
      <Few items={nodes.toSorted(byHealth)} at={ROWS}>
        {(shown) => (
          <DataTable
            name="Nodes"
            columns={["Node", "Site", "#SAEs", "#Relays", "#Failed"]}
            rows={shown.map(({ id, health, site, hosted, saes, relays }) => ({
              id,
              cells: [
                <>
                  <HealthMark health={health} />
                  <a href={hashOf({ page: "nodes", id })}>{id}</a>
                </>,
                site ?? (hosted ? "–" : "elsewhere"),
                count(saes),
                count(relays?.begun ?? null),
                count(relays?.failed ?? null),
              ],
            }))}
          />
        )}
      </Few>
    </Panel>
  );
}

export function PairTable() {
  const { pairs } = useSurroundings().view;
  if (pairs.length === 0) return null;
  return (
    <Panel title="Relayed key" aside={<span class="quiet">pairs of nodes without a link of their own</span>}>
      <Few items={pairs.toSorted(byHealth)} at={ROWS}>
        {(shown) => (
          <DataTable
            name="Relayed key"
            columns={["Pair", "In store", "#Used", "#Empty in"]}
            rows={shown.map((pair) => ({
              id: pair.id,
              cells: [
                <>
                  <HealthMark health={pair.health} />
                  <a href={hashOf({ page: "pairs", id: pair.id })}>{pair.nodes.join(" – ")}</a>
                  {pair.disjoint_paths > 1 && <span class="quiet"> over {pair.disjoint_paths} paths</span>}
                </>,
                <span class="level-cell">
                  <PairLevelBar pair={pair} /> {bits(pair.available_bits)}
                </span>,
                rate(pair.use_rate_bps),
                emptyIn(pair),
              ],
            }))}
          />
        )}
      </Few>
    </Panel>
  );
}

export function SiteTable() {
  const { sites } = useSurroundings().view;
  if (sites.length === 0) return null;
  return (
    <Panel title="Sites and tunnels">
      <Few items={sites.toSorted(byHealth)} at={ROWS}>
        {(shown) => (
          <DataTable
            name="Sites and tunnels"
            columns={["Site", "Nodes", "Agent", "#Streams", "#Waiting"]}
            rows={shown.map((site) => ({
              id: site.id,
              cells: [
                <>
                  <HealthMark health={site.health} />
                  <a href={hashOf({ page: "sites", id: site.id })}>{site.id}</a>
                </>,
                site.nodes.join(", "),
                agentWord(site) ?? "none enrolled",
                count(site.streams),
                bytes(site.waiting_bytes),
              ],
            }))}
          />
        )}
      </Few>
    </Panel>
  );
}

export function StreamTable() {
  const { streams } = useSurroundings().view;
  if (streams.length === 0) return null;
  return (
    <Panel title="Key streams" aside={<span class="quiet">ETSI GS QKD 004</span>}>
      <Few items={streams} at={ROWS}>
        {(shown) => (
          <DataTable
            name="Key streams"
            columns={["Stream", "Between", "#Chunk", "#Delivered"]}
            rows={shown.map(({ id, saes, chunk_bytes, delivered_chunks }) => ({
              id,
              cells: [
                <code title={id}>{id.slice(0, 8)}</code>,
                saes.map((sae) => sae ?? "nobody yet").join(" – "),
                bytes(chunk_bytes),
                count(delivered_chunks),
              ],
            }))}
          />
        )}
      </Few>
    </Panel>
  );
}

export function IpsecTable() {
  const { nodes } = useSurroundings().view;
  const hosts = nodes.filter(({ ipsec }) => ipsec !== null);
  if (hosts.length === 0) return null;
  return (
    <Panel title="IPsec" aside={<span class="quiet">security associations</span>}>
      <DataTable
        name="IPsec"
        columns={["Host of", "#Entries", "#Failed", "#Rekeys under way"]}
        rows={hosts.map(({ id, ipsec }) => ({
          id,
          cells: [
            <a href={hashOf({ page: "nodes", id })}>{id}</a>,
            count(ipsec?.entries ?? null),
            count(ipsec?.failed ?? null),
            count(ipsec?.rekeys ?? null),
          ],
        }))}
      />
    </Panel>
  );
}
