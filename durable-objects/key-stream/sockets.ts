/**
 * Binding 5: chunks are pushed to WebSockets as long as their clients have given credits, and not too many are on their
 * way. A socket to which nothing may be pushed costs nothing: its object may sleep.
 */
import type { StatusName } from "../../shared/etsi004/status.ts";
import { chunkMessage, readDemand, SOCKET_END, type SocketCall, type SocketEnd } from "../../shared/etsi004/socket.ts";
import type { GetKeyAnswer, Ksid } from "../../shared/etsi004/types.ts";
import { windowMessages } from "../../shared/etsi004/window.ts";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { logFailure } from "../log-failure.ts";
import { getKey } from "./get-key.ts";
import type { Half, Seat } from "./half.ts";
import type { Halves } from "./halves.ts";
import { drained } from "./drained.ts";
import { Patience } from "./waiting.ts";

/** What an object keeps of a socket while it sleeps. */
interface Attachment {
  readonly call: SocketCall;
  /** Messages the client may still be sent. */
  readonly credits: number;
  /** Messages it was sent, and of them those that it says have come. */
  readonly pushed: number;
  readonly received: number;
}

/** The platform's part. */
export interface SocketHost {
  /** All sockets, or those of one stream. */
  sockets(ksid?: Ksid): readonly WebSocket[];
  accept(socket: WebSocket, ksid: Ksid): void;
}

const callOf = (socket: WebSocket): SocketCall => attachmentOf(socket).call;
const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment() as Attachment;

/** Statuses after which a socket goes on, once there is news or some time has passed. */
const GOES_ON: ReadonlySet<StatusName> = new Set([
  "insufficient-key",
  "timeout",
  "peer-not-yet-connected",
  "peer-not-connected",
]);

export class Sockets {
  readonly #halves: Halves;
  readonly #host: SocketHost;
  readonly #pushing = new Set<WebSocket>();

  constructor(halves: Halves, host: SocketHost) {
    this.#halves = halves;
    this.#host = host;
  }

  get calls(): readonly SocketCall[] {
    return this.#open().map((socket) => callOf(socket));
  }

  callsOf(ksid: Ksid): readonly SocketCall[] {
    return this.#open(ksid).map((socket) => callOf(socket));
  }

  /** Is there no room for one more of this SAE? It cannot take the room of all others. */
  isFullFor(sae: SaeId): boolean {
    const own = this.calls.filter(({ self }) => self.sae === sae).length;
    return own >= LIMITS.streamSocketsPerSae || this.#host.sockets().length >= LIMITS.streamSockets;
  }

  /** A new one; an end has one at a time. */
  admit(socket: WebSocket, call: SocketCall): void {
    for (const other of this.#open(call.ksid))
      if (callOf(other).self.sae === call.self.sae) this.#end(other, "replaced");
    this.#host.accept(socket, call.ksid);
    attach(socket, { call, credits: 0, pushed: 0, received: 0 });
  }

  heard(socket: WebSocket, message: string | ArrayBuffer): void {
    const demand = readDemand(message);
    const known = attachmentOf(socket);
    const { credits: more = 0, received = known.received } = demand ?? {};
    const credits = known.credits + more;
    if (demand === null || received < known.received || received > known.pushed) this.#end(socket, "bad-message");
    else if (credits > LIMITS.streamCredits) this.#end(socket, "too-many-credits");
    else {
      attach(socket, { ...known, credits, received });
      if (credits > 0) this.#push(socket);
    }
  }

  /** From the other side, or without a word. */
  ended(socket: WebSocket): void {
    try {
      socket.close();
    } catch {
      // Closed both ways already.
    }
    this.#wake(socket);
  }

  /** Something about a stream has changed. */
  changed(half: Half): void {
    for (const socket of this.#open(half.ksid)) {
      const { self } = callOf(socket);
      if (half.isClosedBy(self)) this.#end(socket, "closed");
      else if (attachmentOf(socket).credits > 0) this.#push(socket);
      else if (half.peerOf(self).state === "closed") this.#halves.reach.background(this.#endIfDrained(socket));
    }
  }

  /** Ends those of whom this can be said. */
  end(why: SocketEnd, concerns: (call: SocketCall) => boolean): void {
    for (const socket of this.#open()) if (concerns(callOf(socket))) this.#end(socket, why);
  }

  #open(ksid?: Ksid): readonly WebSocket[] {
    return this.#host.sockets(ksid).filter(({ readyState }) => readyState === WebSocket.OPEN);
  }

  #push(socket: WebSocket): void {
    if (this.#pushing.has(socket)) return;
    this.#pushing.add(socket);
    const pushing = this.#pushAll(socket).finally(() => this.#pushing.delete(socket));
    this.#halves.reach.background(pushing);
  }

  async #pushAll(socket: WebSocket): Promise<void> {
    try {
      const patience = new Patience();
      let goesOn = true;
      while (goesOn && socket.readyState === WebSocket.OPEN && attachmentOf(socket).credits > 0) {
        goesOn = await this.#pushOne(socket, patience);
      }
    } catch (error) {
      logFailure("key stream, socket", error);
      this.#end(socket, "failed");
    }
  }

  /** @returns whether there may be more to push; if not, there is when something is heard from the client */
  async #pushOne(socket: WebSocket, patience: Patience): Promise<boolean> {
    const call = callOf(socket);
    const startMs = this.#halves.reach.nowMs();
    const seat = await this.#halves.seatOf(call);
    if (!seat.ok || seat.value === null) {
      this.#end(socket, seat.ok ? "unknown-ksid" : "failed");
      return false;
    }
    const { half } = seat.value;
    if (isWindowFull(socket, half)) {
      if (half.peerOf(call.self).state === "closed") this.#halves.reach.background(this.#endIfDrained(socket));
      return false;
    }
    const wish = { ...call, indices: null, metadataSize: LIMITS.streamMetadataChars };
    const isOpen = (): boolean => socket.readyState === WebSocket.OPEN && !this.#endIfExpired(socket);
    if (!isOpen()) return false;
    const answer = await getKey(this.#halves, seat.value, wish, isOpen);
    if (!isOpen()) return false;
    if (answer.ok && answer.value.status === "success") {
      send(socket, answer.value);
      patience.renew();
      return true;
    }
    const status = answer.ok ? answer.value.status : "insufficient-key";
    if (GOES_ON.has(status)) {
      if (await this.#endIfDrained(socket)) return false;
      // Key has been waited for long enough to ask again; the peer, or a turn, has not.
      const pauseMs = status === "timeout" ? LIMITS.streamLookMs : patience.nextMs();
      await half.news.wait(Math.max(0, startMs + pauseMs - this.#halves.reach.nowMs()));
      return true;
    }
    if (half.isClosedBy(call.self)) this.#end(socket, "closed");
    else this.#end(socket, status === "no-connection" ? "no-connection" : "unknown-ksid");
    return false;
  }

  /** Whoever may come in until some time may stay until then. */
  #endIfExpired(socket: WebSocket): boolean {
    const { untilMs } = callOf(socket).standing;
    if (untilMs === null || this.#halves.reach.nowMs() < untilMs) return false;
    this.#end(socket, "revoked");
    return true;
  }

  async #endIfDrained(socket: WebSocket): Promise<boolean> {
    const call = callOf(socket);
    const seat: Seat | null = await this.#halves.seatOf(call).then((found) => (found.ok ? found.value : null));
    if (seat === null || !(await drained(this.#halves, seat, call))) return false;
    this.#end(socket, "drained");
    return true;
  }

  #end(socket: WebSocket, why: SocketEnd): void {
    const { code, reason } = SOCKET_END[why];
    try {
      socket.close(code, reason);
    } catch {
      // Closed from the other side.
    }
    this.#wake(socket);
  }

  /** What waits for the sake of a socket that has ended has nothing to wait for. */
  #wake(socket: WebSocket): void {
    this.#halves.awake(callOf(socket).ksid)?.news.tell();
  }
}

const attach = (socket: WebSocket, attachment: Attachment): void => socket.serializeAttachment(attachment);

function isWindowFull(socket: WebSocket, { stream }: Half): boolean {
  const { pushed, received } = attachmentOf(socket);
  return pushed - received >= windowMessages(stream.qos.chunkBytes);
}

function send(socket: WebSocket, { indices, key, metadata }: Extract<GetKeyAnswer, { status: "success" }>): void {
  const message = chunkMessage(indices[0] ?? 0, key, metadata);
  key.fill(0);
  socket.send(message);
  const known = attachmentOf(socket);
  attach(socket, { ...known, credits: known.credits - 1, pushed: known.pushed + 1 });
}
