import { dayOf } from "../../browser/clock.ts";
import { alarmsOf } from "../../core/alarms.ts";
import { bytes, count } from "../../core/figures.ts";
import { hashOf } from "../../core/route.ts";
import { agentWord } from "../../core/sites.ts";
import { AlarmList } from "../parts/alarm-list.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Missing, PageHead } from "../parts/page-head.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";

/** A site, its agents and the tunnel they keep. */
export function SitePage({ id }: { readonly id: string }) {
  const { view } = useSurroundings();
  const site = view.sites.find((each) => each.id === id);
  if (site === undefined) return <Missing kind="Site" name={id} />;
  const alarms = alarmsOf(view.alarms, ["site"], id);
  return (
    <>
      <PageHead kind="Site" name={id} health={site.health} reasons={site.reasons} />
      <dl class="figures strip" aria-label="The site in figures">
        <Figure name="Tunnel">{agentWord(site) ?? "no agent"}</Figure>
        <Figure name="Streams">{count(site.streams)}</Figure>
        <Figure name="Waiting in them">{bytes(site.waiting_bytes)}</Figure>
        <Figure name="Nodes">{site.nodes.length}</Figure>
      </dl>
      <div class="columns">
        <Panel title="Agents">
          {site.agents === null || site.agents.length === 0 ? (
            <Nothing>{site.agents === null ? "Its hub does not answer." : "None has enrolled."}</Nothing>
          ) : (
            <DataTable
              name="Agents"
              columns={["Agent", "State", "Connected since"]}
              rows={site.agents.map(({ agent, state, connected_since }) => ({
                id: agent,
                cells: [agent, state, connected_since === null ? "–" : dayOf(connected_since)],
              }))}
            />
          )}
        </Panel>
        <Panel title="Nodes">
          <ul class="plain">
            {site.nodes.map((node) => (
              <li key={node}>
                <a href={hashOf({ page: "nodes", id: node })}>{node}</a>
              </li>
            ))}
          </ul>
        </Panel>
        <Panel title="Services">
          {site.services === null || site.services.length === 0 ? (
            <Nothing>{site.services === null ? "Not known." : "Its agent exposes none."}</Nothing>
          ) : (
            <ul class="plain">
              {site.services.map((service) => (
                <li key={service}>
                  <code>{service}</code>
                </li>
              ))}
            </ul>
          )}
        </Panel>
        <Panel title="Alarms">{alarms.length === 0 ? <Nothing>None.</Nothing> : <AlarmList alarms={alarms} />}</Panel>
      </div>
    </>
  );
}
