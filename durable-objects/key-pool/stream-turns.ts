/** Calls for chunks that wait for material: woken when some has come in and they are next. */
import { type Supply, type Turn, Turns } from "../../shared/keypool/turns.ts";
import { LIMITS } from "../../shared/limits.ts";

interface Bell {
  isRung: boolean;
  heard: () => void;
}
export type WaitingTurn = Turn & { readonly bell: Bell };

export class StreamTurns {
  readonly #turns = new Turns(LIMITS.streamTurns);
  #availableBytes = 0;

  get size(): number {
    return this.#turns.size;
  }

  mayGo(turn: Turn | null, priority: number, supply: Supply): boolean {
    return this.#turns.mayGo(turn, priority, supply);
  }

  /** @returns null where too many wait already */
  join(wish: Pick<Turn, "holder" | "priority" | "bytes">): WaitingTurn | null {
    const bell: Bell = { isRung: false, heard: () => {} };
    const wake = () => {
      bell.isRung = true;
      bell.heard();
    };
    const turn = this.#turns.join({ ...wish, wake });
    return turn === null ? null : Object.assign(turn, { bell });
  }

  /** @param isServed it has what it waited for */
  leave(turn: WaitingTurn, isServed: boolean): void {
    this.#turns.leave(turn, isServed);
    this.#wakeNext();
  }

  /** After each commit: so much is there. */
  supplied(availableBytes: number): void {
    const isMore = availableBytes > this.#availableBytes;
    this.#availableBytes = availableBytes;
    if (isMore) this.#wakeNext();
  }

  #wakeNext(): void {
    this.#turns.supplied({ nowMs: Date.now(), has: (bytes) => bytes <= this.#availableBytes });
  }

  /** Resolves when it is woken (or was since it last waited), or after so long. */
  async wait({ bell }: WaitingTurn, timeoutMs: number): Promise<void> {
    if (!bell.isRung) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, timeoutMs);
      bell.heard = resolve;
      await promise;
      clearTimeout(timer);
    }
    bell.isRung = false;
    bell.heard = () => {};
  }
}
