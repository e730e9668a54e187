/** How many records go together into one row. */

export interface SliceLimits {
  readonly auditBatchEvents: number;
  readonly auditBatchChars: number;
}

/**
 * Cuts a list of records' texts into slices within both bounds; a text longer than a whole slice gets its own.
 *
 * @param anew must a slice start at this place?
 * @returns the slices' ends, `to` exclusive, in order and without gaps.
 */
export function slicesOf(
  texts: readonly string[],
  limits: SliceLimits,
  anew: (at: number) => boolean = () => false,
): { readonly from: number; readonly to: number }[] {
  const slices: { from: number; to: number }[] = [];
  let from = 0;
  let chars = 0;
  texts.forEach(({ length }, at) => {
    const full = at - from >= limits.auditBatchEvents || chars + length > limits.auditBatchChars;
    if (at > from && (full || anew(at))) {
      slices.push({ from, to: at });
      from = at;
      chars = 0;
    }
    chars += length;
  });
  if (texts.length > from) slices.push({ from, to: texts.length });
  return slices;
}
