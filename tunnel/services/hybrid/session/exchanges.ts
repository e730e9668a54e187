/** Questions to the peer that wait for their answer: each has a key, one answer, and an end. */
import { LIMITS } from "../../../../shared/limits.ts";
import { type Result } from "../../../../shared/result.ts";
import { failed, type HybridFailure } from "../failure.ts";

export class Exchanges<Answer> {
  readonly #waiting = new Map<string, (answer: Result<Answer, HybridFailure>) => void>();

  /** @param send asks: the answer may come at once */
  async ask(
    key: string,
    send: () => void,
    timeoutMs: number = LIMITS.hybridExchangeMs,
  ): Promise<Result<Answer, HybridFailure>> {
    const { promise, resolve } = Promise.withResolvers<Result<Answer, HybridFailure>>();
    this.#waiting.set(key, resolve);
    const timer = setTimeout(() => resolve(failed("peer-gone", "the other agent does not answer")), timeoutMs);
    send();
    const answer = await promise;
    clearTimeout(timer);
    if (this.#waiting.get(key) === resolve) this.#waiting.delete(key);
    return answer;
  }

  /** @returns whether anybody waited for it */
  answer(key: string, answer: Result<Answer, HybridFailure>): boolean {
    const resolve = this.#waiting.get(key);
    resolve?.(answer);
    return resolve !== undefined;
  }

  endAll(failure: HybridFailure): void {
    for (const resolve of this.#waiting.values()) resolve(failed(failure.code, failure.detail));
  }
}
