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

/** The parts of `segments` that hold bytes `[from, to)` of the string they spell. */
export function slicesOf(segments: readonly Segment[], from: number, to: number): Segment[] {
  const slices: Segment[] = [];
  let position = 0;
  for (const { unit, offset, length } of segments) {
    const start = Math.max(from, position);
    const end = Math.min(to, position + length);
    if (start < end) slices.push({ unit, offset: offset + start - position, length: end - start });
    position += length;
  }
  return slices;
}
