/**
 * The end of one request: its time, or the caller's signal. (`AbortSignal.timeout` and `any` do the same, but what they hold
 * stays for as long as the time is, or the caller's signal lives: too long for thousands of requests.)
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #aborted = (): void => this.#controller.abort(this.#outer?.reason);
  #isLate = false;

  constructor(timeoutMs: number, outer: AbortSignal | undefined) {
    this.#outer = outer;
    this.#timer = setTimeout(() => {
      this.#isLate = true;
      this.#controller.abort(new DOMException("no answer in time", "TimeoutError"));
    }, timeoutMs);
    if (outer?.aborted === true) this.#aborted();
    else outer?.addEventListener("abort", this.#aborted, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isLate(): boolean {
    return this.#isLate;
  }

  /** The request is over, one way or another. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#aborted);
  }
}

/**
 * For what may not heed the signal itself: a caller's function, or its own `fetch`.
 * @throws what the promise is rejected with, or the signal's reason once that is aborted
 */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  return await new Promise<T>((resolve, reject) => {
    const aborted = (): void => reject(signal.reason as Error);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}
