/** The lines of one errand, for as many as ask: each is told all of them, from the first, as they come. */
import type { ErrandLine } from "../../../shared/ipsec/errand.ts";

export class Lines implements AsyncIterable<ErrandLine> {
  readonly #lines: ErrandLine[] = [];
  #more = Promise.withResolvers<void>();

  /** The line with `end` is the last one. */
  push(line: ErrandLine): void {
    this.#lines.push(line);
    this.#more.resolve();
    this.#more = Promise.withResolvers();
  }

  get isOver(): boolean {
    const last = this.#lines.at(-1);
    return last !== undefined && "end" in last;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ErrandLine, void, undefined> {
    for (let at = 0; ; at++) {
      while (this.#lines[at] === undefined) await this.#more.promise;
      const line = this.#lines[at] as ErrandLine;
      yield line;
      if ("end" in line) return;
    }
  }
}
