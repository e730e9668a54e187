import { useState } from "preact/hooks";
import type { MonitorNode } from "../../../shared/api/monitor-schemas.ts";
import { alarmsOf } from "../../core/alarms.ts";
import { removeSae } from "../../core/edits.ts";
import { bits, count, rate } from "../../core/figures.ts";
import { hashOf } from "../../core/route.ts";
import { type MadeToken, SaeForm } from "../forms/sae-form.tsx";
import { AlarmList } from "../parts/alarm-list.tsx";
import { AuditTail } from "../parts/audit-tail.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { HealthMark } from "../parts/health-mark.tsx";
import { LevelBar } from "../parts/level-bar.tsx";
import { Missing, PageHead } from "../parts/page-head.tsx";
import { Figure, Nothing, Panel } from "../parts/panel.tsx";
import { RelayPanel } from "../parts/relay-list.tsx";
import { SecurityAssociations } from "../parts/security-associations.tsx";
import { useSurroundings } from "../surroundings.ts";

interface Props {
  readonly id: string;
}

export function NodePage({ id }: Props) {
  const { view } = useSurroundings();
  const node = view.nodes.find((each) => each.id === id);
  return node === undefined ? <Missing kind="Node" name={id} /> : <PresentNode node={node} />;
}

function PresentNode({ node }: { readonly node: MonitorNode }) {
  const { view } = useSurroundings();
  const alarms = alarmsOf(view.alarms, ["node", "ipsec"], node.id);
  const links = view.links.filter(({ nodes }) => nodes.includes(node.id));
  const relays = view.relays.filter(({ path }) => path.includes(node.id));
  const audit = view.audit.filter((record) => record.node === node.id);
  return (
    <>
      <PageHead kind="Node" name={node.id} health={node.health} reasons={node.reasons} />
      <dl class="figures strip" aria-label="The node in figures">
        <Figure name="Hosted">{node.hosted ? "here" : "elsewhere"}</Figure>
        {node.url !== null && <Figure name="Address">{node.url}</Figure>}
        {node.site !== null && (
          <Figure name="Site">
            {view.sites.some(({ id }) => id === node.site) ? (
              <a href={hashOf({ page: "sites", id: node.site })}>{node.site}</a>
            ) : (
              node.site
            )}
          </Figure>
        )}
        <Figure name="SAEs">{count(node.saes)}</Figure>
        <Figure
          name="Relays"
          note={
            node.relays === null ? undefined : `${count(node.relays.done)} done, ${count(node.relays.failed)} failed`
          }
        >
          {node.relay_enabled ? count(node.relays?.begun ?? null) : "off"}
        </Figure>
        {node.ipsec !== null && (
          <Figure name="IPsec entries" note={`${node.ipsec.failed} failed, ${node.ipsec.rekeys} rekeys under way`}>
            {count(node.ipsec.entries)}
          </Figure>
        )}
      </dl>
      <div class="columns">
        <Panel title="Links">
          {links.length === 0 ? (
            <Nothing>It has none.</Nothing>
          ) : (
            <DataTable
              name="Links of the node"
              columns={["Link", "To", "In store", "#In"]}
              rows={links.map((link) => ({
                id: link.id,
                cells: [
                  <>
                    <HealthMark health={link.health} />
                    <a href={hashOf({ page: "links", id: link.id })}>{link.id}</a>
                  </>,
                  link.nodes.find((end) => end !== node.id) ?? "",
                  <span class="level-cell">
                    <LevelBar link={link} /> {bits(link.available_bits)}
                  </span>,
                  rate(link.key_rate_bps),
                ],
              }))}
            />
          )}
        </Panel>
        {node.hosted && <Applications node={node.id} />}
        <Panel title="Alarms">{alarms.length === 0 ? <Nothing>None.</Nothing> : <AlarmList alarms={alarms} />}</Panel>
        <RelayPanel title="Relays over it" relays={relays} most={8} />
        {node.ipsec !== null && <SecurityAssociations node={node.id} />}
        <Panel title="Audit" aside={<a href={hashOf({ page: "audit" })}>All</a>}>
          <AuditTail records={audit.slice(-8)} isShort />
        </Panel>
      </div>
    </>
  );
}

/** The node's SAEs, as the network document has them. */
function Applications({ node }: { readonly node: string }) {
  const { network, propose } = useSurroundings();
  const [edited, setEdited] = useState<string | null>(null);
  const [made, setMade] = useState<MadeToken | null>(null);
  const saes = (network.document?.saes ?? []).filter((sae) => sae.node === node);
  const applied = (token: MadeToken | null): void => {
    setEdited(null);
    if (token !== null) setMade(token);
  };
  return (
    <Panel
      title="SAEs"
      aside={
        <button type="button" onClick={() => setEdited("")}>
          Add
        </button>
      }
    >
      {edited !== null && (
        <SaeForm
          key={edited}
          node={node}
          sae={saes.find(({ id }) => id === edited) ?? null}
          onApplied={applied}
          onCancel={() => setEdited(null)}
        />
      )}
      {made !== null && (
        <p class="notice made-token">
          The token of {made.sae}, shown here only: <code class="secret">{made.token}</code>
          <button type="button" onClick={() => setMade(null)}>
            I have it
          </button>
        </p>
      )}
      {saes.length === 0 ? (
        <Nothing>None is attached to it.</Nothing>
      ) : (
        <DataTable
          name="SAEs of the node"
          columns={["SAE", "Credentials", "Change"]}
          rows={saes.map(({ id, credentials }) => ({
            id,
            cells: [
              id,
              credentials.length === 0 ? "none" : credentials.map(({ type }) => type).join(", "),
              <span class="row">
                <button type="button" aria-label={`Edit ${id}`} onClick={() => setEdited(id)}>
                  Edit
                </button>
                <button type="button" aria-label={`Remove ${id}`} onClick={() => propose(removeSae(id))}>
                  Remove
                </button>
              </span>,
            ],
          }))}
        />
      )}
    </Panel>
  );
}
