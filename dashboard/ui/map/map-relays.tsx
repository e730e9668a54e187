import { useEffect, useRef, useState } from "preact/hooks";
import type { MonitorRelay, MonitorView } from "../../../shared/api/monitor-schemas.ts";
import type { Places } from "../../core/layout.ts";
import { newRelays, pathThrough } from "../../core/map.ts";
import { NODE_PX } from "./map-link.tsx";

/** So many at once; in a network that is busy the others are left out. */
const MOST = 10;
/** As styles/map.css has it: a relay itself is over before one could see it. */
const SHOWN_MS = 2400;
/** Those of before the page was there have run. */
const FRESH_MS = 5000;

export function MapRelays({ view, drawn }: { readonly view: MonitorView; readonly drawn: Places }) {
  const seen = useRef<ReadonlySet<string> | null>(null);
  const [running, setRunning] = useState<readonly MonitorRelay[]>([]);
  useEffect(() => {
    const atMs = Date.parse(view.at);
    const fresh =
      seen.current === null
        ? view.relays.filter(({ at, path }) => path.length > 1 && atMs - Date.parse(at) < FRESH_MS).slice(0, MOST)
        : newRelays(view, seen.current, MOST);
    seen.current = new Set(view.relays.map(({ id }) => id));
    if (fresh.length === 0) return;
    setRunning((before) => [...before, ...fresh].slice(-MOST));
    const over = new Set(fresh.map(({ id }) => id));
    setTimeout(() => setRunning((before) => before.filter(({ id }) => !over.has(id))), SHOWN_MS);
  }, [view.relays]);
  return (
    <g class="map-relays" aria-hidden="true">
      {running.map(({ id, path, state }) => {
        const line = pathThrough(
          path.flatMap((node) => drawn[node] ?? []),
          NODE_PX,
        );
        return (
          <g key={id} class={state} data-relay={path.join(" ")}>
            <path class="way" d={line} />
            <path class="key" d={line} pathLength={1} />
          </g>
        );
      })}
    </g>
  );
}
