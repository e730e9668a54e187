import type { MonitorLink } from "../../../shared/api/monitor-schemas.ts";
import { BIT_STATES, type BitState } from "../../../shared/keypool/types.ts";
import { bits, percent } from "../../core/figures.ts";

/** What the words mean, for who meets them first. */
const MEANINGS: Readonly<Record<BitState, string>> = {
  unmatched: "wait for the other end's copy",
  quarantined: "failed a test",
  available: "ready for keys",
  reserved: "set aside",
  pending: "wait for their slaves",
  delivered: "fetched by everybody",
  pad: "spent as one-time pad",
  tag: "spent on authentication",
  condensed: "taken by conditioning",
  remainder: "too short to be used",
  expired: "nobody came in time",
  voided: "given up",
};

/** Every bit that came in, by the state it is in. */
export function LedgerBar({ ledger }: { readonly ledger: NonNullable<MonitorLink["ledger_bits"]> }) {
  const all = BIT_STATES.reduce((sum, state) => sum + ledger[state], 0);
  const used = BIT_STATES.filter((state) => ledger[state] > 0);
  let left = 0;
  return (
    <div class="ledger">
      <svg viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" aria-label={`${bits(all)} in all`}>
        {used.map((state) => {
          const width = (1000 * ledger[state]) / all;
          const at = left;
          left += width;
          return <rect key={state} class={`state-${state}`} x={at} width={width} height="10" />;
        })}
      </svg>
      <ul>
        {used.map((state) => (
          <li key={state}>
            <span class={`swatch state-${state}`} aria-hidden="true" />
            <span class="state">{state}</span>
            <span class="meaning">{MEANINGS[state]}</span>
            <span class="number">{bits(ledger[state])}</span>
            <span class="number quiet">{percent(ledger[state] / all)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
