import type { MonitorAudit } from "../../../shared/api/monitor-schemas.ts";
import { timeOf } from "../../browser/clock.ts";
import { detailInWords } from "../../core/audit.ts";
import { hashOf } from "../../core/route.ts";
import { Nothing, Scrolling } from "./panel.tsx";

interface Props {
  /** Newest last; shown newest first. */
  readonly records: readonly Pick<MonitorAudit, "node" | "index" | "at" | "act" | "who" | "detail">[];
  readonly isShort?: boolean;
}

export function AuditTail({ records, isShort = false }: Props) {
  if (records.length === 0) return <Nothing>No record yet.</Nothing>;
  const newest = records.toReversed();
  if (isShort)
    return (
      <ul class="tail">
        {newest.map(({ node, index, at, act, who }) => (
          <li key={`${node}/${index}`}>
            <time dateTime={at}>{timeOf(at)}</time>
            <span class="act">{act}</span>
            <span class="who">{who}</span>
          </li>
        ))}
      </ul>
    );
  return (
    <Scrolling name="Audit records">
      <table class="table audit-table">
        <thead>
          <tr>
            <th scope="col">Time</th>
            <th scope="col">Act</th>
            <th scope="col">Who</th>
            <th scope="col">Node</th>
            <th scope="col" class="number">
              No.
            </th>
            <th scope="col">Detail</th>
          </tr>
        </thead>
        <tbody>
          {newest.map(({ node, index, at, act, who, detail }) => (
            <tr key={`${node}/${index}`}>
              <td class="time">
                <time dateTime={at}>{timeOf(at)}</time>
              </td>
              <td class="act">{act}</td>
              <td class="who">{who}</td>
              <td class="node">
                {node === "deployment" ? node : <a href={hashOf({ page: "nodes", id: node })}>{node}</a>}
              </td>
              <td class="number">{index}</td>
              <td class="detail">{detailInWords(detail)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolling>
  );
}
