/**
 * Chunks that are pushed over a WebSocket, as many as there are credits for, and no more than are said to have come:
 * nothing piles up that nobody reads, neither here nor on the way.
 */
import * as v from "valibot";
import { parseJson } from "../shared/bytes/json.ts";
import { windowMessages } from "../shared/etsi004/window.ts";
import { CLIENT } from "../shared/limits-client.ts";
import { AnswerError, RefusedError, UnreachableError } from "./errors.ts";
import type { WebSocketLike } from "./web-socket.ts";

const PushedSchema = v.object({ index: v.number(), Key_buffer: v.string(), Metadata: v.optional(v.string(), "") });
export type Pushed = v.InferOutput<typeof PushedSchema>;

const OPEN = 1;
const NORMAL = 1000;

export const closeNormally = (socket: WebSocketLike): void => socket.close(NORMAL);

type End = { readonly error: Error | null };

/** What has come and was not taken yet, at most as much as was granted, and how it ended. */
class Inbox {
  readonly #messages: Pushed[] = [];
  #end: End | null = null;
  #wake: () => void = () => undefined;

  get size(): number {
    return this.#messages.length;
  }

  add(message: Pushed): void {
    this.#messages.push(message);
    this.#wake();
  }

  /** The first end is the one that counts. */
  end(error: Error | null): void {
    this.#end ??= { error };
    this.#wake();
  }

  /** @returns null once all is read and no more comes. @throws what ended it */
  async next(): Promise<Pushed | null> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#end?.error != null) throw this.#end.error;
      if (this.#end !== null) return null;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}

/** @throws RefusedError with the close code, UnreachableError, AnswerError, the signal's reason */
export async function* pushedChunks(
  socket: WebSocketLike,
  credits: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Pushed> {
  const inbox = new Inbox();
  /** Granted and not come yet. */
  let due = 0;
  /** Come so far, and how many of them the sender knows of. */
  let [received, told] = [0, 0];
  const tell = (more: number): void => {
    due += more;
    told = received;
    socket.send(JSON.stringify({ ...(more > 0 ? { credits: more } : {}), received }));
  };
  socket.addEventListener("message", ({ data }) => {
    const message = readPushed(data);
    if (message === null || due === 0) {
      inbox.end(new AnswerError(message === null ? "a message that is no chunk" : "a chunk beyond the credits"));
      return;
    }
    due--;
    received++;
    inbox.add(message);
  });
  socket.addEventListener("error", () => inbox.end(new UnreachableError("the WebSocket failed")));
  socket.addEventListener("close", ({ code, reason }) => {
    inbox.end(
      code === NORMAL
        ? null
        : new RefusedError(`WebSocket ended: ${reason || "no reason given"} (${code})`, { status: code }),
    );
  });
  const aborted = (): void => inbox.end(signal?.reason as Error);
  signal?.addEventListener("abort", aborted, { once: true });
  try {
    signal?.throwIfAborted();
    if (socket.readyState === OPEN) tell(credits);
    else socket.addEventListener("open", () => tell(credits));
    for (;;) {
      const message = await inbox.next();
      signal?.throwIfAborted();
      if (message === null) return;
      yield message;
      const missing = Math.max(0, credits - due - inbox.size);
      const window = windowMessages(sizeBytes(message));
      // One message for several chunks, not for each.
      const isTime = missing >= credits / 2 || received - told >= window / 2;
      if (isTime && socket.readyState === OPEN) tell(missing);
    }
  } finally {
    signal?.removeEventListener("abort", aborted);
    closeNormally(socket);
  }
}

/** Of the chunk; at most two bytes more. */
const sizeBytes = ({ Key_buffer: base64 }: Pushed): number => (base64.length / 4) * 3;

function readPushed(data: unknown): Pushed | null {
  if (typeof data !== "string" || data.length > CLIENT.clientAnswerBytes) return null;
  const json = parseJson(data, CLIENT.clientJsonDepth);
  const parsed = json.ok ? v.safeParse(PushedSchema, json.value) : null;
  return parsed?.success === true ? parsed.output : null;
}
