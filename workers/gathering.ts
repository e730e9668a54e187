/** The answers of a batch, as they come. */
import { type BatchAnswer, writePart } from "../shared/batch/batch.ts";

export class Gathering {
  #missing: number;
  #ready: BatchAnswer[] = [];
  #added: () => void = () => undefined;

  constructor(requests: number) {
    this.#missing = requests;
  }

  add(answer: BatchAnswer): void {
    this.#missing -= 1;
    this.#ready.push(answer);
    this.#added();
  }

  /**
   * One response with all of them. Who waits longest holds up the others for `patienceMs` at most: then the response
   * begins with what is there, and the rest follows as it comes.
   */
  async respond(patienceMs: number): Promise<Response> {
    await this.#all(patienceMs);
    const first = this.#take();
    return new Response(this.#missing === 0 ? first : this.#following(first));
  }

  async #all(patienceMs: number): Promise<void> {
    if (this.#missing === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    this.#added = () => {
      if (this.#missing === 0) resolve();
    };
    await promise;
    clearTimeout(timer);
  }

  #following(first: string): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    return new ReadableStream({
      start: (controller) => controller.enqueue(encoder.encode(first)),
      pull: async (controller) => {
        if (this.#ready.length === 0) await new Promise<void>((resolve) => (this.#added = resolve));
        controller.enqueue(encoder.encode(this.#take()));
        if (this.#missing === 0) controller.close();
      },
    });
  }

  #take(): string {
    return writePart(this.#ready.splice(0));
  }
}
