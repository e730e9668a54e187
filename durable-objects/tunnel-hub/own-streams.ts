/**
 * The hub's own streams to what the owner exposes, on behalf of Workers: a mux in the role of a peer, whose frames are
 * relayed as from slot 0xffff. It lives as long as the owner's session, and no longer than the hub is awake.
 */
import { LIMITS } from "../../shared/limits.ts";
import type { Ending } from "../../shared/mux/codes.ts";
import { HUB_SLOT, SOCKET_SLOT, withSlots } from "../../shared/mux/frame.ts";
import { Mux } from "../../shared/mux/mux.ts";
import type { MuxStream } from "../../shared/mux/stream.ts";
import { err, type Result } from "../../shared/result.ts";
import { type Connection, startAfresh } from "./connection.ts";
import type { HubParts } from "./parts.ts";

/** What may wait towards the owner before the hub's own streams do: the rest of the window is its peers'. */
const OWN_WINDOW_BYTES = LIMITS.tunnelSocketWindowBytes / 2;

export class OwnStreams {
  readonly #parts: HubParts;
  #mux: Mux | null = null;
  #room: PromiseWithResolvers<void> | null = null;

  constructor(parts: HubParts) {
    this.#parts = parts;
  }

  get count(): number {
    return this.#mux?.gauges.streams ?? 0;
  }

  /** Waits for nothing: the agent's answer is the stream's `opened`. @param patience gives up waiting for that */
  start(service: string, patience?: AbortSignal): Result<MuxStream, Ending> {
    const { owner } = this.#parts.connections;
    if (owner === null) return err({ code: "peer-gone", reason: "no agent of the site is connected" });
    this.#mux ??= this.#begin(owner);
    return this.#mux.start(SOCKET_SLOT, service, patience);
  }

  /** @param frames as at a peer's socket */
  received(frames: Uint8Array): void {
    this.#mux?.received(frames);
  }

  /** The owner's session is over. */
  ended(): void {
    const mux = this.#mux;
    this.#mux = null;
    this.#room?.resolve();
    this.#room = null;
    mux?.lost("the agent's connection has ended");
  }

  #begin(owner: Connection): Mux {
    // An earlier life of this hub may have had streams here, whose ids this one does not know.
    if (owner.member?.usedByHub === true) startAfresh(owner, HUB_SLOT);
    owner.update({ usedByHub: true });
    owner.onAcknowledged = () => this.#acknowledged(owner);
    return new Mux({
      role: "peer",
      now: () => performance.now(),
      transport: { send: (message) => this.#send(owner, message) },
      soon: (act) => void Promise.resolve().then(act),
      onOpen: (open) => open.refuse("unknown-service"),
    });
  }

  /** Slows the mux down long before the owner's account is full. */
  #send(owner: Connection, message: Uint8Array): void | Promise<void> {
    owner.send(withSlots(message, HUB_SLOT), HUB_SLOT);
    if (owner.window.waitingBytes < OWN_WINDOW_BYTES) return;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  #acknowledged(owner: Connection): void {
    if (this.#room === null || owner.window.waitingBytes >= OWN_WINDOW_BYTES) return;
    this.#room.resolve();
    this.#room = null;
  }
}
