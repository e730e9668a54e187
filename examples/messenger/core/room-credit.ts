/**
 * A client's account with the room (shared/room/account.ts): how much it may still send, and when to say what it has taken.
 * That needs no clock: what is not said yet is less than a frame's worth, and leaves the peer most of its window.
 */
import { BROWSERS } from "../../../shared/limits-browsers.ts";

const TOLD_BYTES = BROWSERS.roomCreditBytes / 2;

export class RoomCredit {
  #mayBytes = 0;
  #takenBytes = 0;

  granted(bytes: number): void {
    this.#mayBytes += bytes;
  }

  has(bytes: number): boolean {
    return this.#mayBytes >= bytes;
  }

  sent(bytes: number): void {
    this.#mayBytes -= bytes;
  }

  /** @returns what the room is to be told now; 0: nothing yet */
  took(bytes: number): number {
    this.#takenBytes += bytes;
    if (this.#takenBytes < TOLD_BYTES) return 0;
    const told = this.#takenBytes;
    this.#takenBytes = 0;
    return told;
  }
}
