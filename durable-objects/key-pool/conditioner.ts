/**
 * Conditions blocks one after the other. A block takes up to seconds, in slices: whatever else the pool has to do comes
 * in between.
 */
import { fail, fault, type Fault } from "../../shared/errors/errors.ts";
import { condition, type Conditioning } from "../../shared/conditioning/condition.ts";
import type { BlockId } from "../../shared/ids.ts";
import { err, ok, type Result } from "../../shared/result.ts";

const turnOfTheEventLoop = async () =>
  await new Promise<void>((resolve) => {
    setTimeout(resolve, 0);
  });

export class Conditioner {
  readonly #maxWaiting: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** @returns the output, which the caller wipes; `bad-request` for too short a block, `unavailable` with a full queue */
  async run(bytes: Uint8Array, id: BlockId, conditioning: Conditioning): Promise<Result<Uint8Array, Fault>> {
    if (this.#waiting >= this.#maxWaiting) {
      const message = "other blocks of this link are being conditioned, try again";
      return err({ ...fault("unavailable", message), retryAfterSeconds: 2 });
    }
    this.#waiting++;
    const mine = this.#last.then(async () => await condition(bytes, id, conditioning, turnOfTheEventLoop));
    this.#last = mine.catch(() => undefined); // the next one's turn all the same
    try {
      const output = await mine;
      if (output.ok) return ok(output.value);
      const { blockBytes, leastBytes } = output.error;
      return fail("bad-request", `the block has ${blockBytes} bytes: conditioned on this link, ${leastBytes} or more`);
    } finally {
      this.#waiting--;
    }
  }
}
