import { useState } from "preact/hooks";
import type { MonitorAudit } from "../../../shared/api/monitor-schemas.ts";
import { AuditTail } from "../parts/audit-tail.tsx";
import { Panel } from "../parts/panel.tsx";
import { useSurroundings } from "../surroundings.ts";
import { useAnswer } from "../use-answer.ts";

type Record = Pick<MonitorAudit, "node" | "index" | "at" | "act" | "who" | "detail">;

/** What the Monitor tells as it happens, or one log from any place on. */
export function AuditPage() {
  const { view } = useSurroundings();
  const [log, setLog] = useState("");
  return (
    <>
      <h1>Audit</h1>
      <Panel
        title={log === "" ? "As it happens" : `Log of ${log}`}
        aside={
          <label class="inline">
            Log
            <select value={log} onChange={({ currentTarget }) => setLog(currentTarget.value)}>
              <option value="">all, live</option>
              <option value="deployment">deployment</option>
              {view.nodes
                .filter(({ hosted }) => hosted)
                .map(({ id }) => (
                  <option key={id} value={id}>
                    {id}
                  </option>
                ))}
            </select>
          </label>
        }
      >
        {log === "" ? <AuditTail records={view.audit} /> : <OneLog key={log} node={log} />}
      </Panel>
      <p class="hint">
        Each log is a chain of hashes: <code>qkd audit verify</code> finds any change, gap or reordering.
      </p>
    </>
  );
}

const PAGE = 100;

interface Page {
  readonly records: readonly Record[];
  readonly next: number | null;
}

/** From its beginning, page by page. */
function OneLog({ node }: { readonly node: string }) {
  const [after, setAfter] = useState<number | null>(null);
  const query = new URLSearchParams({ node, limit: String(PAGE), ...(after === null ? {} : { after: String(after) }) });
  const answer = useAnswer<Page>(`/api/v1/audit?${query.toString()}`);
  if (answer === null) return <p class="waiting">Loading …</p>;
  if (!answer.ok) return <p class="fault">{answer.message}</p>;
  const page = answer.value;
  return (
    <>
      <AuditTail records={page.records} />
      <div class="row">
        <button type="button" disabled={after === null} onClick={() => setAfter(null)}>
          From the beginning
        </button>
        <button type="button" disabled={page.next === null} onClick={() => setAfter(page.next)}>
          Later records
        </button>
      </div>
    </>
  );
}
