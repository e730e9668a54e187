/** Nodes by weight, the lightest first: a binary heap in two flat arrays. */
export class NodeHeap {
  readonly #weights: number[] = [];
  readonly #nodes: number[] = [];

  push(weight: number, node: number): void {
    let at = this.#nodes.length;
    this.#weights.push(weight);
    this.#nodes.push(node);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#weightAt(parent) <= weight) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, weight, node);
  }

  /** Among equals, which comes first is not said. */
  pop(): { readonly weight: number; readonly node: number } | null {
    const weight = this.#weights[0];
    const node = this.#nodes[0];
    if (weight === undefined || node === undefined) return null;
    const lastWeight = this.#weights.pop() ?? 0;
    const lastNode = this.#nodes.pop() ?? 0;
    if (this.#nodes.length > 0) this.#sink(lastWeight, lastNode);
    return { weight, node };
  }

  #sink(weight: number, node: number): void {
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const child = this.#weightAt(left + 1) < this.#weightAt(left) ? left + 1 : left;
      if (this.#weightAt(child) >= weight) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, weight, node);
  }

  /** Infinite beyond the end. */
  #weightAt(at: number): number {
    return this.#weights[at] ?? Infinity;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#weightAt(from), this.#nodes[from] ?? 0);
  }

  #put(at: number, weight: number, node: number): void {
    this.#weights[at] = weight;
    this.#nodes[at] = node;
  }
}
