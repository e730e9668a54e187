/** Drag, pinch, wheel and keys on the map. */
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Point, Places } from "../../core/layout.ts";
import { drawnAt, mapPoint, panned, type Size, type Viewport, zoomed } from "../../core/viewport.ts";

/** Pixels that a pointer may tremble in a click. */
const STILL_PX = 4;
const STEP = { zoom: 1.25, panPx: 48, movePx: 16 } as const;

interface Options {
  readonly frame: RefObject<SVGSVGElement | null>;
  readonly size: Size;
  readonly viewport: Viewport;
  readonly places: Places;
  readonly choose: (viewport: Viewport | null) => void;
  readonly move: (id: string, to: Point) => void;
  /** A move is over. */
  readonly keep: () => void;
}

interface Drag {
  readonly node: string | null;
  last: Point;
  travelledPx: number;
}

const nodeOf = (target: EventTarget | null): string | null =>
  target instanceof Element ? (target.closest("[data-node]")?.getAttribute("data-node") ?? null) : null;

export function useGestures(options: Options) {
  // Handlers outlive a drawing: they see what is drawn now.
  const now = useRef(options);
  now.current = options;
  const pointers = useRef(new Map<number, Point>());
  const drag = useRef<Drag | null>(null);

  const pointOf = ({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): Point => {
    const box = now.current.frame.current?.getBoundingClientRect();
    return { x: clientX - (box?.left ?? 0), y: clientY - (box?.top ?? 0) };
  };
  const zoom = (by: number, around?: Point): void => {
    const { viewport, size, choose } = now.current;
    choose(zoomed(viewport, by, around ?? { x: size.width / 2, y: size.height / 2 }));
  };

  // Passive listeners, as Preact's would be, cannot keep the page from scrolling.
  useEffect(() => {
    const frame = now.current.frame.current;
    const wheeled = (event: WheelEvent): void => {
      // Who scrolls past the map wants to go on: it takes the wheel once it has been clicked, or with Ctrl (a pinch).
      if (!event.ctrlKey && frame?.contains(document.activeElement) !== true) return;
      event.preventDefault();
      zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), pointOf(event));
    };
    frame?.addEventListener("wheel", wheeled, { passive: false });
    return () => frame?.removeEventListener("wheel", wheeled);
  }, []);

  const pinch = (id: number, to: Point): void => {
    const other = [...pointers.current].find(([each]) => each !== id)?.[1];
    const from = pointers.current.get(id);
    if (other === undefined || from === undefined) return;
    const length = (point: Point): number => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    zoom(length(to) / length(from), { x: (to.x + other.x) / 2, y: (to.y + other.y) / 2 });
  };
  const pull = (to: Point): void => {
    const { viewport, choose, move } = now.current;
    const { current } = drag;
    if (current === null) return;
    const [dx, dy] = [to.x - current.last.x, to.y - current.last.y];
    current.travelledPx += Math.hypot(dx, dy);
    if (current.travelledPx < STILL_PX) return;
    current.last = to;
    if (current.node === null) return choose(panned(viewport, dx, dy));
    // The map stays where it is while a node goes.
    choose(viewport);
    return move(current.node, mapPoint(viewport, to));
  };

  const onPointerDown = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    pointers.current.set(event.pointerId, pointOf(event));
    drag.current = { node: nodeOf(event.target), last: pointOf(event), travelledPx: 0 };
  };
  const onPointerMove = (event: PointerEvent): void => {
    if (!pointers.current.has(event.pointerId)) return;
    const to = pointOf(event);
    if (pointers.current.size > 1) pinch(event.pointerId, to);
    else pull(to);
    pointers.current.set(event.pointerId, to);
    // Only once it is a drag: a pointer that is held fast clicks nothing.
    if ((drag.current?.travelledPx ?? 0) >= STILL_PX) now.current.frame.current?.setPointerCapture(event.pointerId);
  };
  const onPointerUp = (event: PointerEvent): void => {
    pointers.current.delete(event.pointerId);
    const { node = null, travelledPx = 0 } = drag.current ?? {};
    if (node !== null && travelledPx >= STILL_PX) now.current.keep();
  };
  /** What was dragged has not been clicked. */
  const onClickCapture = (event: MouseEvent): void => {
    const travelledPx = drag.current?.travelledPx ?? 0;
    drag.current = null;
    if (travelledPx < STILL_PX || event.detail === 0) return;
    event.preventDefault();
    event.stopPropagation();
  };

  return {
    zoomIn: () => zoom(STEP.zoom),
    zoomOut: () => zoom(1 / STEP.zoom),
    handlers: {
      onPointerDown,
      onPointerMove,
      onPointerUp,
      onPointerCancel: onPointerUp,
      onClickCapture,
      onKeyDown: byKeys(now, zoom),
    },
  };
}

const byKeys =
  (now: { readonly current: Options }, zoom: (by: number) => void) =>
  (event: KeyboardEvent): void => {
    const { viewport, places, choose, move, keep } = now.current;
    const way = WAYS[event.key];
    if (way !== undefined) {
      const node = nodeOf(event.target);
      const at = node === null ? undefined : places[node];
      if (event.altKey && node !== null && at !== undefined) {
        const from = drawnAt(viewport, at);
        choose(viewport);
        move(node, mapPoint(viewport, { x: from.x + way.x * STEP.movePx, y: from.y + way.y * STEP.movePx }));
        keep();
      } else choose(panned(viewport, -way.x * STEP.panPx, -way.y * STEP.panPx));
    } else if (event.key === "+" || event.key === "=") zoom(STEP.zoom);
    else if (event.key === "-") zoom(1 / STEP.zoom);
    else if (event.key === "0") choose(null);
    else return;
    event.preventDefault();
  };

const WAYS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
