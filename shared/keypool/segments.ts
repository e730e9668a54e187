/** Where a key's bytes lie: in one unit or, at a unit's end, across several. Bits are taken in order, none is skipped. */

export interface Segment {
  readonly unit: number;
  readonly offset: number;
  readonly length: number;
}

/** A unit with bytes left to give: `[cursor, length)`. */
export interface OpenUnit {
  readonly id: number;
  readonly length: number;
  cursor: number;
}

/**
 * Takes `bytes` from the front of `units` by moving their cursors.
 * @returns the segments, or null (and nothing moved) where the units hold too little
 */
export function takeSegments(units: readonly OpenUnit[], bytes: number): Segment[] | null {
  if (freeBytes(units, bytes) < bytes) return null;
  const segments: Segment[] = [];
  let missing = bytes;
  for (const unit of units) {
    if (missing === 0) break;
    const length = Math.min(missing, unit.length - unit.cursor);
    if (length === 0) continue;
    segments.push({ unit: unit.id, offset: unit.cursor, length });
    unit.cursor += length;
    missing -= length;
  }
  return segments;
}

/** Bytes left in `units`; stops counting at `enough`. */
export function freeBytes(units: readonly OpenUnit[], enough = Infinity): number {
  let free = 0;
  for (const unit of units) {
    free += unit.length - unit.cursor;
    if (free >= enough) break;
  }
  return free;
}

/**
 * Copies bytes `[from, from + target.length)` of the string that `segments` spell into `target`.
 * @param plaintext of a unit, by its id
 */
export function copySegments(
  segments: readonly Segment[],
  from: number,
  target: Uint8Array,
  plaintext: (unit: number) => Uint8Array,
): void {
  let position = 0; // of the segment's start in the whole string
  let written = 0;
  for (const segment of segments) {
    const skip = Math.max(0, from - position);
    position += segment.length;
    if (skip >= segment.length) continue;
    const length = Math.min(segment.length - skip, target.length - written);
    const start = segment.offset + skip;
    target.set(plaintext(segment.unit).subarray(start, start + length), written);
    written += length;
    if (written === target.length) return;
  }
  throw new RangeError("the segments are shorter than the bytes asked for");
}

/** Units that hold bytes `[from, to)` of the string that `segments` spell. */
export function unitsUnder(segments: readonly Segment[], from: number, to: number): number[] {
  let position = 0;
  const units: number[] = [];
  for (const { unit, length } of segments) {
    if (position < to && position + length > from) units.push(unit);
    position += length;
  }
  return units;
}
