/** A TLS connection to a hybridization module, after it has been said what it is for. */
import type net from "node:net";
import type tls from "node:tls";
import { LIMITS } from "../../../../shared/limits.ts";
import { reasonOf } from "../../../agent/reason.ts";
import type { Inbox } from "./inbox.ts";

const PROBE_MS = 30_000;

/**
 * A fatal alert, `internal_error`, as a record in clear text (RFC 5246 7.2, RFC 8446 6): TLS at the other end takes it for an
 * error, whichever version it has. A module that waits for the bytes of a key when a connection ends in any other way
 * takes it for nothing read, and reads again, for ever (with Python 3.11.7 that is so after a reset, too).
 */
const ALERT: Uint8Array = Uint8Array.of(0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x50);

export class ModuleConnection {
  readonly #socket: tls.TLSSocket;
  readonly #raw: net.Socket;
  #inbox: Inbox | null = null;
  #gone: string | null = null;
  #error: unknown = null;
  #changed = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  /** @param raw what TLS runs over */
  constructor(socket: tls.TLSSocket, raw: net.Socket) {
    this.#socket = socket;
    this.#raw = raw;
    socket.setKeepAlive(true, PROBE_MS);
    socket.setNoDelay(true);
    socket.on("data", (segment: Buffer) => this.#take(segment));
    socket.once("end", () => this.#lost("it hung up"));
    raw.on("error", () => undefined); // told by the socket above it
    socket.on("error", (error) => {
      this.#error = error;
      this.#lost(reasonOf(error));
    });
    socket.once("close", () => this.#lost("it hung up"));
    if (socket.destroyed) this.#lost("it hung up");
  }

  /** Why nothing comes any more; null while it may. */
  get gone(): string | null {
    return this.#gone;
  }

  /** Resolves when nothing comes over it any more. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** What broke it, if something did. */
  get error(): unknown {
    return this.#error;
  }

  /** Resolves when something has come, or it is gone. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** From now on. Whatever comes while nothing is expected ends the connection. */
  expect(inbox: Inbox | null): void {
    this.#inbox = inbox;
  }

  isReady(freshMs = Number.POSITIVE_INFINITY): boolean {
    return this.#inbox?.isReady(performance.now(), freshMs) === true;
  }

  take(): Uint8Array {
    if (this.#inbox === null) throw new Error("nothing is expected");
    return this.#inbox.take();
  }

  send(bytes: Uint8Array): void {
    if (this.#gone === null) this.#socket.write(bytes);
  }

  /** Resolves once the bytes are on their way; to false where they will not be in time, as the module reads nothing. */
  async write(bytes: Uint8Array, within: AbortSignal): Promise<boolean> {
    if (this.#gone !== null || within.aborted) return false;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onAbort = (): void => resolve(false);
    within.addEventListener("abort", onAbort);
    this.#socket.write(bytes, (error) => resolve(error == null));
    const isSent = await promise;
    within.removeEventListener("abort", onAbort);
    return isSent;
  }

  /** In good order: what was written arrives, and the module closes its end too. */
  end(): void {
    this.#lost("hung up on");
    this.#socket.end();
    this.#destroyLater();
  }

  /** Breaks it off, after what has been written. */
  leave(reason: string): void {
    const isFirst = this.#gone === null;
    this.#lost(reason);
    if (isFirst && this.#raw.writable) this.#raw.end(ALERT);
    this.#destroyLater();
  }

  #destroyLater(): void {
    const timer = setTimeout(() => {
      this.#socket.destroy();
      this.#raw.destroy();
    }, LIMITS.hybridModuleLeaveMs);
    this.#socket.once("close", () => clearTimeout(timer));
  }

  #take(segment: Uint8Array): void {
    if (this.#gone !== null) return;
    if (this.#inbox?.push(segment, performance.now()) === true) {
      this.#wake();
      return;
    }
    this.#inbox = null;
    this.leave("it sent what nobody had asked for");
  }

  #lost(reason: string): void {
    this.#gone ??= reason;
    this.#ended.resolve();
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}

/**
 * Until `isDone`, looked at whenever something happens on one of the connections.
 * @returns false where the time was over first
 */
export async function waitFor(
  isDone: () => boolean,
  connections: readonly ModuleConnection[],
  within: AbortSignal,
): Promise<boolean> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const onAbort = (): void => resolve();
  within.addEventListener("abort", onAbort);
  try {
    while (!isDone()) {
      if (within.aborted) return false;
      await Promise.race([over, ...connections.map(({ changed }) => changed)]);
    }
    return true;
  } finally {
    within.removeEventListener("abort", onAbort);
  }
}
