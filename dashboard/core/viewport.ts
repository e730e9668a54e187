/** What part of the map is in the window: a map point (x, y) is drawn at (x * scale + left, y * scale + top). */
import type { Places, Point } from "./layout.ts";

export interface Viewport {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}
export interface Size {
  readonly width: number;
  readonly height: number;
}

const SCALE = { least: 0.08, most: 4 } as const;
/** A few nodes are not blown up to fill the window. */
const FIT_MOST = 1.35;
const clamped = (scale: number): number => Math.min(SCALE.most, Math.max(SCALE.least, scale));

export const drawnAt = ({ scale, left, top }: Viewport, { x, y }: Point): Point => ({
  x: x * scale + left,
  y: y * scale + top,
});
export const mapPoint = ({ scale, left, top }: Viewport, { x, y }: Point): Point => ({
  x: (x - left) / scale,
  y: (y - top) / scale,
});

/** The point of the window stays where it is. */
export function zoomed(view: Viewport, by: number, { x, y }: Point): Viewport {
  const scale = clamped(view.scale * by);
  const grown = scale / view.scale;
  return { scale, left: x - (x - view.left) * grown, top: y - (y - view.top) * grown };
}

export const panned = (view: Viewport, x: number, y: number): Viewport => ({
  ...view,
  left: view.left + x,
  top: view.top + y,
});

/** All nodes in the middle of the window, with room for their labels. */
export function fitted(places: Places, { width, height }: Size): Viewport {
  const points = Object.values(places);
  if (points.length === 0) return { scale: 1, left: width / 2, top: height / 2 };
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [marginX, marginY] = [Math.min(84, width / 6), Math.min(72, height / 5)];
  const scale = clamped(
    Math.min(
      FIT_MOST,
      (width - 2 * marginX) / Math.max(1, right - left),
      (height - 2 * marginY) / Math.max(1, bottom - top),
    ),
  );
  return { scale, left: width / 2 - ((left + right) / 2) * scale, top: height / 2 - ((top + bottom) / 2) * scale };
}
