import type { MonitorRelay } from "../../../shared/api/monitor-schemas.ts";
import { timeOf } from "../../browser/clock.ts";
import { bits } from "../../core/figures.ts";
import { Nothing } from "./panel.tsx";

/** Keys that went over other nodes, the newest first. */
export function RelayList({ relays }: { readonly relays: readonly MonitorRelay[] }) {
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
