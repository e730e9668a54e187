/** Sockets last for long: whoever is revoked, removed or moved meanwhile is out as soon as the Directory says so. */
import type { SocketCall } from "../../shared/etsi004/socket.ts";
import type { DirectoryRpc } from "../../shared/network/directory-types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Sockets } from "./sockets.ts";
import { sleep } from "./waiting.ts";

/** Between two attempts to reach the Directory. */
const AGAIN_MS = 500;

export class Reviews {
  readonly #sockets: Sockets;
  readonly #directory: () => Pick<DirectoryRpc, "goneCallers">;
  #running: Promise<void> = Promise.resolve();
  /** Begins when that has ended, and is good for all who ask meanwhile. */
  #next: Promise<void> | null = null;

  constructor(sockets: Sockets, directory: () => Pick<DirectoryRpc, "goneCallers">) {
    this.#sockets = sockets;
    this.#directory = directory;
  }

  /**
   * Ends sockets of those who may not be here any more. One after the other: were the Directory to hear last of the time
   * before a socket came, it would take the object for one without any, and tell it nothing.
   * @throws where the Directory does not answer
   */
  async review(object: string): Promise<void> {
    this.#next ??= this.#reviewNext(object);
    await this.#next;
  }

  async #reviewNext(object: string): Promise<void> {
    await this.#running.catch(() => undefined);
    this.#next = null;
    this.#running = this.#review(object);
    await this.#running;
  }

  async #review(object: string): Promise<void> {
    const { calls } = this.#sockets;
    const callers = calls.map(({ principal, self: { sae, node }, standing: { credentials, agent } }) => ({
      principal,
      sae,
      node,
      credentials,
      agent,
    }));
    const numbers = await this.#directory().goneCallers({ object, callers });
    const gone = new Set(numbers.map((number) => keyOf(calls[number])));
    if (gone.size > 0) this.#sockets.end("revoked", (call) => gone.has(keyOf(call)));
  }

  /** Of a new socket: the network may have changed since its caller was let in, and the object may not be known to watch. */
  async begin(object: string, concerns: (call: SocketCall) => boolean, nowMs: () => number): Promise<void> {
    for (const untilMs = nowMs() + LIMITS.directoryPatienceMs; nowMs() < untilMs; await sleep(AGAIN_MS)) {
      try {
        await this.review(object);
        return;
      } catch {
        // Tried again: it may be starting anew.
      }
    }
    this.#sockets.end("failed", concerns);
  }
}

const keyOf = (call: SocketCall | undefined): string =>
  JSON.stringify([call?.principal, call?.self.sae, call?.self.node, call?.standing]);
