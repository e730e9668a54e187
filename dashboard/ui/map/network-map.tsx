import { useId, useRef } from "preact/hooks";
import { edgesOf } from "../../core/map.ts";
import { HOP, type Places } from "../../core/layout.ts";
import { drawnAt } from "../../core/viewport.ts";
import { Icon } from "../parts/icons.tsx";
import { useSurroundings } from "../surroundings.ts";
import { Legend } from "./legend.tsx";
import { CutLink, MapLink, MapLinkLabel } from "./map-link.tsx";
import { MapNode } from "./map-node.tsx";
import { MapRelays } from "./map-relays.tsx";
import { useGestures } from "./use-gestures.ts";
import { usePlaces } from "./use-places.ts";
import { useViewport } from "./use-viewport.ts";

/** Between neighbours, for two lines below each node. */
const ROOMY_PX = 130;

/** The network, drawn: nodes and links by their health, relays as they run. */
export function NetworkMap() {
  const { view, network } = useSurroundings();
  const frame = useRef<SVGSVGElement>(null);
  const help = useId();
  const ids = view.nodes.map(({ id }) => id);
  const { places, isMoved, move, keep, reset } = usePlaces(view.name, ids, [
    ...edgesOf(view.links),
    ...edgesOf(network.cut),
  ]);
  const { viewport, size, isChosen, choose } = useViewport(frame, places);
  const { zoomIn, zoomOut, handlers } = useGestures({ frame, size, viewport, places, choose, move, keep });
  const drawn: Places = Object.fromEntries(Object.entries(places).map(([id, place]) => [id, drawnAt(viewport, place)]));
  const sites = new Map(view.sites.flatMap((site) => site.nodes.map((node) => [node, site] as const)));
  return (
    <div class="map">
      <svg
        ref={frame}
        class="map-frame"
        role="group"
        aria-label="Map of the network"
        aria-describedby={help}
        tabindex={0}
        {...handlers}
      >
        {network.cut.map((link) => (
          <CutLink key={link.id} link={link} drawn={drawn} />
        ))}
        {view.links.map((link) => (
          <MapLink key={link.id} link={link} drawn={drawn} />
        ))}
        <MapRelays view={view} drawn={drawn} />
        {view.links.map((link) => (
          <MapLinkLabel key={link.id} link={link} drawn={drawn} />
        ))}
        {view.nodes.map((node) => (
          <MapNode
            key={node.id}
            node={node}
            site={sites.get(node.id) ?? null}
            at={drawn[node.id]}
            isRoomy={viewport.scale * HOP > ROOMY_PX}
          />
        ))}
      </svg>
      <p id={help} class="unseen">
        Arrow keys move the map, plus and minus zoom, 0 shows all of it. Alt and an arrow key moves the node that has
        the focus.
      </p>
      <div class="map-foot">
        <Legend />
        <div class="map-tools" role="group" aria-label="View of the map">
          <button type="button" class="tool" aria-label="Zoom in" title="Zoom in (+)" onClick={zoomIn}>
            <Icon name="plus" />
          </button>
          <button type="button" class="tool" aria-label="Zoom out" title="Zoom out (−)" onClick={zoomOut}>
            <Icon name="minus" />
          </button>
          <button
            type="button"
            class="tool"
            aria-label="Show all"
            title="Show all (0)"
            disabled={!isChosen}
            onClick={() => choose(null)}
          >
            <Icon name="fit" />
          </button>
          {isMoved && (
            <button type="button" class="tool" aria-label="Lay out anew" title="Lay out anew" onClick={reset}>
              <Icon name="reset" />
            </button>
          )}
        </div>
      </div>
    </div>
  );
}
