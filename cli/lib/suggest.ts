/** "Did you mean": the candidate a mistyped word is nearest to. */

/** Levenshtein distance, in single-character edits; O(a.length * b.length), for short words only. */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** The nearest candidate within a third of the word's length (at least 2 edits), or null. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const typed = word.slice(0, 64);
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(typed, candidate) }))
    .toSorted((one, other) => one.distance - other.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(2, typed.length / 3) ? best.candidate : null;
}

/** ` Did you mean "x"?`, or nothing: to be put behind a message. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const best = nearest(word, candidates);
  return best === null ? "" : ` Did you mean "${best}"?`;
}
