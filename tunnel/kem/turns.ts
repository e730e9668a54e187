/** Work on the agent's own thread, one piece in a turn of its event loop: sockets are served in between. */
import { setImmediate as turn } from "node:timers/promises";
import { LIMITS } from "../../shared/limits.ts";
import { KemsBusy } from "../../shared/kem/kem.ts";

export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @throws {KemsBusy} */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting >= LIMITS.kemQueue) throw new KemsBusy("too many operations wait for their turn");
    this.#waiting += 1;
    const done = this.#inTurn(this.#last, work);
    this.#last = done.catch(() => undefined);
    return await done;
  }

  async #inTurn<T>(last: Promise<unknown>, work: () => Promise<T>): Promise<T> {
    await last;
    await turn();
    this.#waiting -= 1;
    return await work();
  }
}
