/** Sockets last for long: whoever is revoked, removed or moved meanwhile is out as soon as the Directory says so. */
import type { Standing } from "../../shared/auth/standing.ts";
import type { CallersKind, DirectoryRpc } from "../../shared/network/directory-types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { sleep } from "../sleep.ts";

/** Between two attempts to reach the Directory. */
const AGAIN_MS = 500;

/** Whose socket it is. */
interface Call {
  /** `principalName`. */
  readonly principal: string;
  /** Null: an operator. */
  readonly self: { readonly sae: string; readonly node: string } | null;
  readonly standing: Standing;
}

/** An object's sockets. */
interface Visits<C extends Call> {
  readonly calls: readonly C[];
  end(why: "revoked" | "failed", concerns: (call: C) => boolean): void;
}

export class Reviews<C extends Call> {
  readonly #kind: CallersKind;
  readonly #sockets: Visits<C>;
  readonly #directory: () => Pick<DirectoryRpc, "goneCallers">;
  #running: Promise<void> = Promise.resolve();
  /** Begins when that has ended, and is good for all who ask meanwhile. */
  #next: Promise<void> | null = null;

  constructor(kind: CallersKind, sockets: Visits<C>, directory: () => Pick<DirectoryRpc, "goneCallers">) {
    this.#kind = kind;
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
    const callers = calls.map(({ principal, self, standing: { credentials, agent } }) => ({
      principal,
      sae: self?.sae ?? null,
      node: self?.node ?? null,
      credentials,
      agent,
    }));
    const numbers = await this.#directory().goneCallers({ kind: this.#kind, object, callers });
    const gone = new Set(numbers.map((number) => keyOf(calls[number])));
    if (gone.size > 0) this.#sockets.end("revoked", (call) => gone.has(keyOf(call)));
  }

  /** Of a new socket: the network may have changed since its caller was let in, and the object may not be known to watch. */
  async begin(object: string, concerns: (call: C) => boolean, nowMs: () => number): Promise<void> {
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

const keyOf = (call: Call | undefined): string =>
  JSON.stringify([call?.principal, call?.self?.sae, call?.self?.node, call?.standing]);
