import type * as v from "valibot";
import type { IpsecStatusSchema } from "../../../shared/api/ipsec-schemas.ts";
import { dayOf } from "../../browser/clock.ts";
import { useSurroundings } from "../surroundings.ts";
import { useAnswer } from "../use-answer.ts";
import { DataTable } from "./data-table.tsx";
import { Few } from "./few.tsx";
import { Nothing, Panel } from "./panel.tsx";

type Status = v.InferOutput<typeof IpsecStatusSchema>;

/** SPD and SAD entries of a node's IPsec host, and what became of them. Read anew when their number changes. */
export function SecurityAssociations({ node }: { readonly node: string }) {
  const { view } = useSurroundings();
  const known = JSON.stringify(view.nodes.find(({ id }) => id === node)?.ipsec);
  const answer = useAnswer<Status>(`/api/v1/nodes/${encodeURIComponent(node)}/ipsec/ipsec-entries`, known);
  const status = answer?.ok === true ? answer.value : null;
  return (
    <Panel
      title="IPsec"
      aside={<span class="quiet">{status === null ? "" : `${status.rekeys.length} rekeys under way`}</span>}
    >
      {answer?.ok === false && <p class="fault">{answer.message}</p>}
      {status?.entries.length === 0 && <Nothing>Its controller has sent no entries.</Nothing>}
      {status !== null && status.entries.length > 0 && (
        <Few items={status.entries} at={12}>
          {(entries) => (
            <DataTable
              name="IPsec entries"
              columns={["Entry", "Kind", "State", "Key of", "Installed"]}
              rows={entries.map(({ kind, name, state, reason, sources, installed }, at) => ({
                id: `${kind ?? ""} ${name ?? ""} ${at}`,
                cells: [
                  <code>{name ?? "unnamed"}</code>,
                  kind === null ? "–" : kind.toUpperCase(),
                  reason === undefined ? state : `${state}: ${reason}`,
                  sources === undefined ? "–" : sources.join(", "),
                  installed === undefined ? "–" : dayOf(installed),
                ],
              }))}
            />
          )}
        </Few>
      )}
    </Panel>
  );
}
