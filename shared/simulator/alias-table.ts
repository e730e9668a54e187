/**
 * Draws from a fixed discrete law in constant time: A. J. Walker, ACM TOMS 3 (1977) 253; built as by M. D. Vose, IEEE
 * Trans. Softw. Eng. 17 (1991) 972. Every column is as likely as the next and holds at most two values.
 */
export class AliasTable {
  /** Of a column's height, the part that belongs to the column's own number. */
  readonly #own: Float64Array;
  /** Whose the rest is. */
  readonly #alias: Uint32Array;

  /** @throws RangeError for weights that are not all finite, at least 0, and some above 0 */
  constructor(weights: readonly number[]) {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (!weights.every((weight) => weight >= 0) || !(total > 0 && Number.isFinite(total)))
      throw new RangeError("the weights of a table must be finite, none negative, and not all zero");
    const heights = Float64Array.from(weights, (weight) => (weight * weights.length) / total);
    this.#own = new Float64Array(weights.length).fill(1);
    this.#alias = Uint32Array.from(weights, (_, value) => value);
    const low = [...heights.keys()].filter((value) => (heights[value] ?? 0) < 1);
    const high = [...heights.keys()].filter((value) => (heights[value] ?? 0) >= 1);
    for (let [under, over] = [low.pop(), high.at(-1)]; under !== undefined && over !== undefined;) {
      const height = heights[under] ?? 0;
      this.#own[under] = height;
      this.#alias[under] = over;
      const rest = (heights[over] ?? 0) - (1 - height);
      heights[over] = rest;
      if (rest < 1) low.push(...high.splice(-1));
      [under, over] = [low.pop(), high.at(-1)];
    }
    // Left over by rounding alone: full columns.
    const heaviest = weights.indexOf(Math.max(...weights));
    for (const [value, weight] of weights.entries()) if (weight === 0) this.#never(value, heaviest);
  }

  /** Not even by rounding may what cannot happen be drawn. */
  #never(value: number, instead: number): void {
    if (this.#alias[value] === value) this.#alias[value] = instead;
    this.#own[value] = 0;
  }

  /** @param fraction uniform in [0, 1), with 53 bits: rare values live in its last ones */
  pick(fraction: number): number {
    const scaled = fraction * this.#own.length;
    const column = Math.floor(scaled);
    return scaled - column < (this.#own[column] ?? 0) ? column : (this.#alias[column] ?? 0);
  }
}
