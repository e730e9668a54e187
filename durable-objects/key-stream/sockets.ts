/**
 * Binding 5: chunks are pushed to WebSockets as long as their clients have given credits. A socket whose client has given
 * none costs nothing: its object may sleep.
 */
import type { StatusName } from "../../shared/etsi004/status.ts";
import { chunkMessage, readCredits, SOCKET_END, type SocketCall, type SocketEnd } from "../../shared/etsi004/socket.ts";
import type { GetKeyAnswer, Ksid } from "../../shared/etsi004/types.ts";
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { getKey } from "./get-key.ts";
import type { Half } from "./half.ts";
import type { Halves, Seat } from "./halves.ts";
import { drained } from "./drained.ts";
import { Patience } from "./waiting.ts";

/** What an object keeps of a socket while it sleeps. */
interface Attachment {
  readonly call: SocketCall;
  /** Messages the client may still be sent. */
  readonly credits: number;
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
      if (callOf(other).self.sae === call.self.sae) endSocket(other, "replaced");
    this.#host.accept(socket, call.ksid);
    const attachment: Attachment = { call, credits: 0 };
    socket.serializeAttachment(attachment);
  }

  heard(socket: WebSocket, message: string | ArrayBuffer): void {
    const more = readCredits(message);
    if (more === null) {
      endSocket(socket, "bad-message");
      return;
    }
    const { call, credits } = attachmentOf(socket);
    if (credits + more > LIMITS.streamCredits) {
      endSocket(socket, "too-many-credits");
      return;
    }
    const attachment: Attachment = { call, credits: credits + more };
    socket.serializeAttachment(attachment);
    this.#push(socket);
  }

  /** From the other side, or without a word. */
  ended(socket: WebSocket): void {
    try {
      socket.close();
    } catch {
      // Closed both ways already.
    }
  }

  /** Something about a stream has changed. */
  changed(half: Half): void {
    for (const socket of this.#open(half.ksid)) {
      const { self } = callOf(socket);
      if (half.isClosedBy(self)) endSocket(socket, "closed");
      else if (attachmentOf(socket).credits > 0) this.#push(socket);
      else if (half.peerOf(self).state === "closed") this.#halves.reach.background(this.#endIfDrained(socket));
    }
  }

  /** Ends those of whom this can be said. */
  end(why: SocketEnd, concerns: (call: SocketCall) => boolean): void {
    for (const socket of this.#open()) if (concerns(callOf(socket))) endSocket(socket, why);
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
      while (socket.readyState === WebSocket.OPEN && attachmentOf(socket).credits > 0) {
        await this.#pushOne(socket, patience);
      }
    } catch (error) {
      // oxlint-disable-next-line no-console -- the object's log
      console.error(`key stream, socket: ${error instanceof Error ? error.message : String(error)}`);
      endSocket(socket, "failed");
    }
  }

  async #pushOne(socket: WebSocket, patience: Patience): Promise<void> {
    const { call } = attachmentOf(socket);
    const startMs = this.#halves.reach.nowMs();
    const seat = await this.#halves.seatOf(call);
    if (!seat.ok || seat.value === null) {
      endSocket(socket, seat.ok ? "unknown-ksid" : "failed");
      return;
    }
    const { half } = seat.value;
    const wish = { ...call, indices: null, metadataSize: LIMITS.streamMetadataChars };
    const isOpen = (): boolean => socket.readyState === WebSocket.OPEN && !this.#endIfExpired(socket);
    if (!isOpen()) return;
    const answer = await getKey(this.#halves, seat.value, wish, isOpen);
    if (!isOpen()) return;
    if (answer.ok && answer.value.status === "success") {
      send(socket, answer.value);
      patience.renew();
      return;
    }
    const status = answer.ok ? answer.value.status : "insufficient-key";
    if (GOES_ON.has(status)) {
      if (await this.#endIfDrained(socket)) return;
      // Key has been waited for long enough to ask again; the peer, or a turn, has not.
      const pauseMs = status === "timeout" ? LIMITS.streamLookMs : patience.nextMs();
      await half.news.wait(Math.max(0, startMs + pauseMs - this.#halves.reach.nowMs()));
    } else if (half.isClosedBy(call.self)) endSocket(socket, "closed");
    else endSocket(socket, status === "no-connection" ? "no-connection" : "unknown-ksid");
  }

  /** Whoever may come in until some time may stay until then. */
  #endIfExpired(socket: WebSocket): boolean {
    const { untilMs } = callOf(socket).standing;
    if (untilMs === null || this.#halves.reach.nowMs() < untilMs) return false;
    endSocket(socket, "revoked");
    return true;
  }

  async #endIfDrained(socket: WebSocket): Promise<boolean> {
    const call = callOf(socket);
    const seat: Seat | null = await this.#halves.seatOf(call).then((found) => (found.ok ? found.value : null));
    if (seat === null || !(await drained(this.#halves, seat, call))) return false;
    endSocket(socket, "drained");
    return true;
  }
}

function send(socket: WebSocket, { indices, key, metadata }: Extract<GetKeyAnswer, { status: "success" }>): void {
  const message = chunkMessage(indices[0] ?? 0, key, metadata);
  key.fill(0);
  socket.send(message);
  const { call, credits } = attachmentOf(socket);
  const attachment: Attachment = { call, credits: credits - 1 };
  socket.serializeAttachment(attachment);
}

function endSocket(socket: WebSocket, why: SocketEnd): void {
  const { code, reason } = SOCKET_END[why];
  try {
    socket.close(code, reason);
  } catch {
    // Closed from the other side.
  }
}
