/** A TCP connection whose answers are read one by one, whatever segments they come in. */
import type net from "node:net";
import { LIMITS } from "../../../../shared/limits.ts";

export interface Codec<Answer> {
  /** @throws Error for what is no answer: then nothing more is read */
  read(segment: Buffer): readonly Answer[];
}

export class Conversation<Answer> {
  readonly socket: net.Socket;
  readonly #answers: Answer[] = [];
  readonly #waiting: (() => void)[] = [];
  #ended = false;
  #fault: Error | null = null;

  constructor(socket: net.Socket, codec: Codec<Answer>) {
    this.socket = socket;
    socket.on("data", (segment: Buffer) => this.#read(segment, codec));
    socket.on("error", () => undefined);
    for (const end of ["close", "end"] as const) socket.once(end, () => this.#end(null));
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Null at the end of the connection. @throws what the codec has thrown */
  async next(): Promise<Answer | null> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#fault !== null) throw this.#fault;
      if (this.#ended) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  end(): void {
    this.socket.destroy();
  }

  #read(segment: Buffer, codec: Codec<Answer>): void {
    try {
      this.#answers.push(...codec.read(segment));
      if (this.#answers.length > LIMITS.doctorUnreadAnswers) throw new Error("answers that nobody asked for");
    } catch (thrown) {
      this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)));
      this.socket.destroy();
    }
    this.#wake();
  }

  #end(fault: Error | null): void {
    this.#fault ??= this.#ended ? null : fault;
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
