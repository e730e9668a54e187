/** How entities do, in the order of who needs to be looked at first. */
import type { Health } from "../../shared/api/monitor-schemas.ts";
import { byId } from "./order.ts";

/** `word` stands wherever the colour does; `glyph` is drawn in a square of 10 by 10 about the origin. */
export const HEALTH: Readonly<Record<Health, { readonly word: string; readonly glyph: string }>> = {
  down: { word: "Down", glyph: "M-4.500-4.500h9v9h-9Z" },
  degraded: { word: "Degraded", glyph: "M0-5 5.200 4.300H-5.200Z" },
  unknown: { word: "Unknown", glyph: "M0-4.500 4.500 0 0 4.500-4.500 0Z" },
  ok: { word: "OK", glyph: "M0-4.200A4.200 4.200 0 1 1 0 4.200 4.200 4.200 0 1 1 0-4.200Z" },
};
const URGENCY = Object.keys(HEALTH) as readonly Health[];

interface Judged {
  readonly id: string;
  readonly health: Health;
}

export const byHealth = (a: Judged, b: Judged): number =>
  URGENCY.indexOf(a.health) - URGENCY.indexOf(b.health) || byId(a, b);

/** How many of each, worst first; those of which there are none left out. */
export const healthCounts = (entities: readonly Judged[]): readonly (readonly [Health, number])[] =>
  URGENCY.map((health) => [health, entities.filter((entity) => entity.health === health).length] as const).filter(
    ([, count]) => count > 0,
  );
