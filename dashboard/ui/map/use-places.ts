import { useMemo, useRef, useState } from "preact/hooks";
import { store, stored } from "../../browser/stored.ts";
import { type Edge, laidOut, type Places, type Point } from "../../core/layout.ts";
import { placesFrom } from "../../core/places.ts";

/** Where the nodes of a network stand: laid out, unless somebody has moved one; then as they were left. */
export function usePlaces(network: string, ids: readonly string[], edges: readonly Edge[]) {
  const name = `places:${network}`;
  const [kept, setKept] = useState<Places>(() => placesFrom(stored(name)));
  const shape = JSON.stringify([ids, edges]);
  // The same names and ends make the same map
  const places = useMemo(() => laidOut(ids, edges, kept), [shape, kept]);
  // What is moved by a key is kept before it is drawn.
  const latest = useRef(kept);
  const show = (next: Places): void => {
    latest.current = next;
    setKept(next);
  };
  const keep = (): void => store(name, Object.keys(latest.current).length === 0 ? null : latest.current);
  return {
    places,
    isMoved: Object.keys(kept).length > 0,
    move: (id: string, to: Point): void => show({ ...places, [id]: { x: Math.round(to.x), y: Math.round(to.y) } }),
    /** In this browser, once a move is over: not with each step of a pointer. */
    keep,
    reset: (): void => {
      show({});
      keep();
    },
  };
}
