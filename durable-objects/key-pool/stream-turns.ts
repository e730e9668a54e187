/** Calls for chunks that wait for material: woken when some has come in and they are next. */
import { type Turn, Turns } from "../../shared/keypool/turns.ts";
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

  mayGo(turn: Turn | null, priority: number): boolean {
    return this.#turns.mayGo(turn, priority);
  }

  /** @returns null where too many wait already */
  join(priority: number, bytes: number): WaitingTurn | null {
    const bell: Bell = { isRung: false, heard: () => {} };
    const wake = () => {
      bell.isRung = true;
      bell.heard();
    };
    const turn = this.#turns.join({ priority, bytes, wake });
    return turn === null ? null : Object.assign(turn, { bell });
  }

  leave(turn: WaitingTurn): void {
    this.#turns.leave(turn);
    this.#turns.supplied(this.#availableBytes);
  }

  /** After each commit: so much is there. */
  supplied(availableBytes: number): void {
    const isMore = availableBytes > this.#availableBytes;
    this.#availableBytes = availableBytes;
    if (isMore) this.#turns.supplied(availableBytes);
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
