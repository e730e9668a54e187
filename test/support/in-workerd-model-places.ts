/** Where in the material that came in what is given out lies: it may be put together from the ends of several units. */
import type { Buffer } from "node:buffer";

type Place = readonly [at: number, length: number];

/** As many pieces of the material are put together at most: two ends of units and what lies between. */
const PIECES = 4;
/** A piece may seem longer than it is, as the bytes that follow may be equal by chance. */
const BY_CHANCE = 3;

/** Where in the material they are that nobody has had; null: nowhere. */
export function placesOf(
  bytes: Uint8Array,
  material: Buffer,
  given: Uint8Array,
  pieces = PIECES,
): readonly Place[] | null {
  if (bytes.length === 0) return [];
  if (pieces === 0) return null;
  const found = (length: number): number => material.indexOf(bytes.subarray(0, length));
  let longest = 0;
  for (let over = bytes.length + 1; longest + 1 < over;) {
    const middle = Math.floor((longest + over) / 2);
    if (found(middle) === -1) over = middle;
    else longest = middle;
  }
  for (let length = longest; length > Math.max(0, longest - BY_CHANCE); length--) {
    const at = freshPlaceOf(bytes.subarray(0, length), material, given);
    const rest = at === -1 ? null : placesOf(bytes.subarray(length), material, given, pieces - 1);
    if (rest !== null) return [[at, length], ...rest];
  }
  return null;
}

function freshPlaceOf(piece: Uint8Array, material: Buffer, given: Uint8Array): number {
  let at = material.indexOf(piece);
  while (at !== -1 && given.subarray(at, at + piece.length).some((byte) => byte !== 0)) {
    at = material.indexOf(piece, at + 1);
  }
  return at;
}
