/**
 * Units change hands. The half that gives takes its own right away first, in the commit that writes the message; the
 * half that asked may use them from the commit on in which it takes the message in. Between the two nobody may.
 */
import type { UnitPlace, Yielding } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { HalfParts } from "./half-parts.ts";
import type { OwnedUnit } from "./half-units.ts";
import { keepingFloor } from "./siblings.ts";

/** Units given beyond the need at hand. */
const UNITS_AHEAD = 4;

/**
 * Gives untouched units worth `wantBytes`, but not more than half of them, from the far end. One such message is under
 * way at a time: a question that is asked again is answered with the units that are on their way already.
 * @returns their bytes
 */
export function yieldUnits(parts: HalfParts, wantBytes: number): number {
  const { pool, log, units, own, other } = parts;
  const open = log.firstOf("yield");
  if (open?.kind === "yield") return bytesOf(placed(parts, open.units));
  const wanted = Math.min(LIMITS.halfYieldUnits, Math.ceil(wantBytes / LIMITS.unitBytes) + UNITS_AHEAD);
  const untouched = units.untouched(own, 2 * wanted).filter(({ id }) => !pool.books.isTouched(id));
  const given = keepingFloor(pool, untouched.slice(0, Math.min(wanted, Math.ceil(untouched.length / 2))));
  if (given.length === 0) return 0;
  for (const { id } of given) units.setOwner(id, other);
  pool.useLease(given.length);
  pool.books.restockNext();
  log.append({ kind: "yield", units: given.map(({ id }) => units.placeOf(id)) });
  return bytesOf(given);
}

/** Takes what the other half has given: all of it, or none. */
export function takeYielded(parts: HalfParts, { units: places }: Yielding): Result<null, Fault> {
  const { pool, units, own, other } = parts;
  const found = placed(parts, places).filter(({ id, owner }) => owner === other && pool.books.unit(id)?.cursor === 0);
  if (new Set(found.map(({ id }) => id)).size !== places.length) {
    return fail("conflict", "units were yielded that are not here, or not the giver's, or used already");
  }
  for (const { id } of found) units.setOwner(id, own);
  pool.books.restockNext();
  return ok(null);
}

/** The other half has refused them for good: they are this half's again. */
export function takeBack(parts: HalfParts, { units: places }: Yielding): void {
  const { pool, units, own, other } = parts;
  for (const { id, owner } of placed(parts, places)) if (owner === other) units.setOwner(id, own);
  pool.books.restockNext();
}

function placed({ units }: HalfParts, places: readonly UnitPlace[]): OwnedUnit[] {
  return places.map((place) => units.at(place)).filter((unit) => unit !== undefined);
}

const bytesOf = (units: readonly OwnedUnit[]): number => units.reduce((sum, { length }) => sum + length, 0);
