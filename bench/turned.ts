/** The list from its `by`th element on, and on with its beginning: so each is first in its turn. Pure. */
export const turned = <T>(list: readonly T[], by: number): T[] =>
  list.map((_, index) => list[(index + by) % list.length] as T);
