/**
 * What is being done for which entry. What deletes one ends that first: a key that is still waited for when the edge has
 * given the entry up would otherwise come to the host after the delete, and stay there with nobody who knows of it.
 */

interface Doing {
  readonly ending: AbortController;
  readonly over: Promise<unknown>;
}

export class UnderWay {
  readonly #doing = new Map<string, Set<Doing>>();

  /** @param work never rejects, and gives up what it waits for when its signal says so */
  async run<T>(subject: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const ending = new AbortController();
    const over = work(ending.signal);
    const doing = { ending, over };
    const all = this.#doing.get(subject) ?? new Set();
    this.#doing.set(subject, all.add(doing));
    const result = await over;
    all.delete(doing);
    if (all.size === 0) this.#doing.delete(subject);
    return result;
  }

  /** Resolves when nothing of before is done for it any more. */
  async end(subject: string): Promise<void> {
    const all = [...(this.#doing.get(subject) ?? [])];
    for (const { ending } of all) ending.abort();
    await Promise.all(all.map(({ over }) => over));
  }
}
