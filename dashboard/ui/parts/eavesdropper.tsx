import { useState } from "preact/hooks";
import type { LinkEntry } from "../../../shared/network/document.ts";
import { eavesdrop } from "../../core/edits.ts";
import { percent } from "../../core/figures.ts";
import { useSurroundings } from "../surroundings.ts";
import { Icon } from "./icons.tsx";
import { Panel } from "./panel.tsx";

interface Props {
  readonly link: LinkEntry;
  readonly module: NonNullable<LinkEntry["module"]>;
}

/** On a simulated line somebody can be put who intercepts pulses. */
export function Eavesdropper({ link, module }: Props) {
  const { propose } = useSurroundings();
  const [share, setShare] = useState(0.3);
  return (
    <Panel title="Eavesdropper" aside={<span class="quiet">simulated line</span>}>
      <p class="prose">
        {module.eve_share > 0
          ? `Somebody intercepts ${percent(module.eve_share)} of the pulses. The errors this makes show in the QBER, and the modules give no key.`
          : "Nobody is on the line. Somebody who intercepts pulses and sends them on makes errors, which the QBER shows within a few blocks."}
      </p>
      <div class="row">
        {module.eve_share > 0 ? (
          <button type="button" onClick={() => propose(eavesdrop(link.id, 0))}>
            Take the eavesdropper off
          </button>
        ) : (
          <>
            <label class="inline">
              Share of pulses
              <input
                type="range"
                min="0.05"
                max="1"
                step="0.05"
                value={share}
                aria-valuetext={percent(share)}
                onInput={({ currentTarget }) => setShare(currentTarget.valueAsNumber)}
              />
              <output>{percent(share)}</output>
            </label>
            <button type="button" onClick={() => propose(eavesdrop(link.id, share))}>
              <Icon name="eye" />
              Put one on the line
            </button>
          </>
        )}
      </div>
    </Panel>
  );
}
