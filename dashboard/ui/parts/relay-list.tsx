import type { MonitorRelay } from "../../../shared/api/monitor-schemas.ts";
import { timeOf } from "../../browser/clock.ts";
import { bits, duration } from "../../core/figures.ts";
import { MONITOR } from "../../../shared/limits-monitor.ts";
import { Nothing, Panel } from "./panel.tsx";

interface Props {
  readonly title: string;
  /** The newest first. */
  readonly relays: readonly MonitorRelay[];
  readonly most: number;
}

/** Keys that went over other nodes of late. */
export const RelayPanel = ({ title, relays, most }: Props) => (
  <Panel title={title} aside={<span class="quiet">last {duration(MONITOR.monitorRelaysMs / 1000)}</span>}>
    <RelayList relays={relays.slice(0, most)} />
  </Panel>
);

function RelayList({ relays }: { readonly relays: readonly MonitorRelay[] }) {
  if (relays.length === 0) return <Nothing>No key has been relayed of late.</Nothing>;
  return (
    <ul class="tail relays">
      {relays.map(({ id, at, path, state, reason, bits: size }) => (
        <li key={id} class={state}>
          <time dateTime={at}>{timeOf(at)}</time>
          <span class="path">{path.join(" › ")}</span>
          <span class="outcome">
            {state === "done" ? bits(size) : state === "failed" ? `failed: ${reason ?? "unknown"}` : "running"}
          </span>
        </li>
      ))}
    </ul>
  );
}
