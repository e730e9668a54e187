/**
 * One connection of a binding over bare TCP: requests are answered in order, one at a time. Nothing more is read while
 * one of them is being answered, so that a client that sends without reading waits in its own socket.
 */
import type { Duplex } from "node:stream";
import { LIMITS } from "../../../shared/limits.ts";

export interface Read<Request> {
  readonly requests: readonly Request[];
  /** Not null where nothing more can be told apart after them: what is said, if anything, before the connection ends. */
  readonly lastWords: Uint8Array | null;
}

/** Of one connection. */
export interface Reader<Request> {
  /** Of a request that has not come whole yet. */
  readonly pendingBytes: number;
  push(segment: Uint8Array): Read<Request>;
}

export interface Protocol<Request> {
  reader(): Reader<Request>;
  /** The answer is wiped once it has been written. */
  answer(request: Request, signal: AbortSignal): Promise<Uint8Array>;
}

export interface Patience {
  /** Between two requests. */
  readonly idleMs: number;
  /** From the first byte of a request to its last. */
  readonly requestMs: number;
}

export const PATIENCE: Patience = { idleMs: LIMITS.localIdleMs, requestMs: LIMITS.localRequestMs };

/** Resolves once the connection is over, whoever ended it. */
export async function converse<Request>(
  socket: Duplex,
  protocol: Protocol<Request>,
  patience: Patience = PATIENCE,
): Promise<void> {
  const gone = new AbortController();
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  void closed.then(() => gone.abort());
  socket.on("error", () => undefined); // "close" follows
  const clock = new Clock(socket, patience);
  const reader = protocol.reader();
  try {
    // Destroyed at its end, as iterators do on their own, it could not send what is still to come.
    for await (const segment of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      clock.stop();
      const { requests, lastWords } = reader.push(segment);
      for (const request of requests) await write(socket, await protocol.answer(request, gone.signal));
      if (lastWords !== null) {
        socket.end(lastWords);
        break;
      }
      clock.start(reader.pendingBytes > 0);
    }
    socket.end();
  } catch {
    // It broke, or was broken off.
  }
  clock.stop();
  linger(socket);
  await closed;
}

/** What a client still sends is read and thrown away for a moment: an end with bytes unread would take the answer along. */
function linger(socket: Duplex): void {
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LIMITS.lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function write(socket: Duplex, answer: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write(answer, (error) => {
    answer.fill(0);
    if (error == null) resolve();
    else reject(error);
  });
  return promise;
}

/** Ends a connection on which nothing comes, or a request does not get ready. */
class Clock {
  readonly #socket: Duplex;
  readonly #patience: Patience;
  #timer: NodeJS.Timeout | undefined;
  /** When the request that is coming began; null between two. */
  #sinceMs: number | null = null;

  constructor(socket: Duplex, patience: Patience) {
    this.#socket = socket;
    this.#patience = patience;
    this.start(false);
  }

  start(isWithin: boolean): void {
    const nowMs = performance.now();
    this.#sinceMs = isWithin ? (this.#sinceMs ?? nowMs) : null;
    const { idleMs, requestMs } = this.#patience;
    const leftMs = this.#sinceMs === null ? idleMs : Math.max(0, this.#sinceMs + requestMs - nowMs);
    this.#timer = setTimeout(() => this.#socket.destroy(), leftMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
