/** A TCP connection on which what arrives is handed on later by a fixed time, in order, as from farther away. */
import type { Socket } from "node:net";

export class DelayedSocket {
  readonly #socket: Socket;
  readonly #delayMs: number;
  readonly #take: (chunk: Uint8Array) => void;
  readonly #arrived: { readonly chunk: Uint8Array; readonly dueMs: number }[] = [];
  #waiting = false;

  /** @param delayMs whole milliseconds, which is as fine as timers are; 0 for none */
  constructor(socket: Socket, delayMs: number, take: (chunk: Uint8Array) => void) {
    this.#socket = socket;
    this.#delayMs = delayMs;
    this.#take = take;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Uint8Array) => {
      if (delayMs === 0) return take(chunk);
      this.#arrived.push({ chunk, dueMs: performance.now() + delayMs });
      this.#wait();
    });
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  #wait(): void {
    if (this.#waiting || this.#arrived.length === 0) return;
    this.#waiting = true;
    setTimeout(() => {
      this.#waiting = false;
      const nowMs = performance.now();
      while ((this.#arrived[0]?.dueMs ?? Infinity) <= nowMs) {
        const { chunk } = this.#arrived.shift() as { chunk: Uint8Array };
        this.#take(chunk);
      }
      this.#wait();
    }, this.#delayMs);
  }
}
