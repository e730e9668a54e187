import type { Places } from "./layout.ts";

const MOST = 1000;

const isPlace = (value: unknown): value is { readonly x: number; readonly y: number } =>
  typeof value === "object" &&
  value !== null &&
  "x" in value &&
  "y" in value &&
  Number.isFinite(value.x) &&
  Number.isFinite(value.y);

/** Of what a browser has kept, that which are places. */
export function placesFrom(kept: unknown): Places {
  if (typeof kept !== "object" || kept === null) return {};
  return Object.fromEntries(
    Object.entries(kept)
      .flatMap(([id, place]: readonly [string, unknown]) => (isPlace(place) ? [[id, place] as const] : []))
      .slice(0, MOST),
  );
}
