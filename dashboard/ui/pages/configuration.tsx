import { useState } from "preact/hooks";
import { dayOf } from "../../browser/clock.ts";
import type { NetworkDocument } from "../../../shared/network/document.ts";
import { hashOf } from "../../core/route.ts";
import { removeLink } from "../../core/edits.ts";
import { LinkForm } from "../forms/link-form.tsx";
import { DataTable } from "../parts/data-table.tsx";
import { Few } from "../parts/few.tsx";
import { Icon } from "../parts/icons.tsx";
import { Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";
import { useAnswer } from "../use-answer.ts";

/** The network document: its links, its versions. SAEs are on their nodes' pages. */
export function ConfigurationPage() {
  const { network } = useSurroundings();
  const [edited, setEdited] = useState<string | null>(null);
  const { document } = network;
  if (document === null)
    return (
      <>
        <h1>Configuration</h1>
        <p class="waiting">{network.fault ?? "Loading the network document …"}</p>
      </>
    );
  const link = document.links.find(({ id }) => id === edited) ?? null;
  return (
    <>
      <h1>Configuration</h1>
      {edited !== null && <LinkForm key={edited} link={link} onDone={() => setEdited(null)} />}
      <Panel
        title="Links"
        aside={
          <button type="button" onClick={() => setEdited("")}>
            <Icon name="plus" />
            Add a link
          </button>
        }
      >
        <LinkRows document={document} onEdit={setEdited} />
      </Panel>
      <div class="columns">
        <Panel title="Nodes and their SAEs">
          <DataTable
            name="Nodes and their SAEs"
            columns={["Node", "SAEs"]}
            rows={document.nodes.map(({ id }) => ({
              id,
              cells: [
                <a href={hashOf({ page: "nodes", id })}>{id}</a>,
                document.saes
                  .filter(({ node }) => node === id)
                  .map((sae) => sae.id)
                  .join(", ") || "none",
              ],
            }))}
          />
        </Panel>
        <Versions />
      </div>
    </>
  );
}

function LinkRows({ document, onEdit }: { readonly document: NetworkDocument; readonly onEdit: (id: string) => void }) {
  const { propose } = useSurroundings();
  return (
    <Few items={document.links} at={50}>
      {(links) => (
        <DataTable
          name="Links of the document"
          columns={["Link", "Nodes", "Source", "Feed", "Health tests", "#Key rate, bit/s", "#Shards", "Change"]}
          rows={links.map(({ id, nodes, source, feed, health, key_rate_bps, shards }) => ({
            id,
            cells: [
              <a href={hashOf({ page: "links", id })}>{id}</a>,
              nodes.join(" – "),
              source,
              feed,
              health,
              source === "push" || source === "bb84" ? "–" : key_rate_bps.toLocaleString("en"),
              shards,
              <span class="row">
                <button type="button" aria-label={`Edit ${id}`} onClick={() => onEdit(id)}>
                  Edit
                </button>
                <button type="button" aria-label={`Remove ${id}`} onClick={() => propose(removeLink(id, "Remove"))}>
                  Remove
                </button>
              </span>,
            ],
          }))}
        />
      )}
    </Few>
  );
}

interface Version {
  readonly version: number;
  readonly at: string;
  readonly by: string;
}

/** Each can be made the newest again. */
function Versions() {
  const { api, network, propose } = useSurroundings();
  const answer = useAnswer<{ readonly versions: readonly Version[] }>("/api/v1/network/versions", network.version);
  const versions = answer?.ok === true ? answer.value.versions.toSorted((a, b) => b.version - a.version) : [];
  const [fault, setFault] = useState<string | null>(null);
  const restore = async (version: number): Promise<void> => {
    const old = await api.get<NetworkDocument>(`/api/v1/network?version=${version}`);
    if (old.ok) propose({ title: `Go back to version ${version}`, change: () => old.value });
    else setFault(old.message);
  };
  return (
    <Panel title="Versions">
      {answer?.ok === false && <p class="fault">{answer.message}</p>}
      {fault !== null && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
      <Few items={versions} at={8}>
        {(some) => (
          <DataTable
            name="Versions"
            columns={["Version", "When", "By", "Restore"]}
            rows={some.map(({ version, at, by }) => ({
              id: String(version),
              cells: [
                version,
                dayOf(at),
                by,
                version === network.version ? (
                  <span class="quiet">in force</span>
                ) : (
                  <button
                    type="button"
                    aria-label={`Go back to version ${version}`}
                    onClick={() => void restore(version)}
                  >
                    Go back
                  </button>
                ),
              ],
            }))}
          />
        )}
      </Few>
    </Panel>
  );
}
