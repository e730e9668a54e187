import { HEALTHS } from "../../../shared/api/monitor-schemas.ts";
import { HealthMark } from "../parts/health-mark.tsx";

/** What colours, shapes and widths mean. */
export const Legend = () => (
  <ul class="legend" aria-label="Legend">
    {HEALTHS.map((health) => (
      <li key={health}>
        <HealthMark health={health} isWordShown />
      </li>
    ))}
    <li>
      <svg class="legend-widths" viewBox="0 0 30 12" aria-hidden="true">
        <path d="M0 5.200 30 2v8L0 6.800Z" />
      </svg>
      Key rate
    </li>
    <li>
      <svg class="legend-relay" viewBox="0 0 22 12" aria-hidden="true">
        <path d="M2 6H20" />
      </svg>
      Relay
    </li>
  </ul>
);
