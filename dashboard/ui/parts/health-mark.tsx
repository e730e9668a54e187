import type { Health } from "../../../shared/api/monitor-schemas.ts";
import { HEALTH, healthCounts } from "../../core/health.ts";

/** Colour and shape; the word too, for who sees neither. */
export const HealthMark = ({
  health,
  isWordShown = false,
}: {
  readonly health: Health;
  readonly isWordShown?: boolean;
}) => (
  <span class={`health ${health}`}>
    <svg class="glyph" viewBox="-6 -6 12 12" aria-hidden="true" focusable="false">
      <path d={HEALTH[health].glyph} />
    </svg>
    <span class={isWordShown ? "" : "unseen"}>{HEALTH[health].word}</span>
  </span>
);

type Judged = Parameters<typeof healthCounts>[0];

/** How many do how, worst first. */
export const HealthCounts = ({ of }: { readonly of: Judged }) => (
  <span class="health-counts">
    {healthCounts(of).map(([health, count]) => (
      <span key={health} title={`${count} ${HEALTH[health].word}`}>
        <HealthMark health={health} />
        {count}
      </span>
    ))}
  </span>
);
