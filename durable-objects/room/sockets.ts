/** The sockets of a room, one for each of its two SAEs, and what goes over them. */
import type { SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import {
  type Account,
  afterLeave,
  firstCreditBytes,
  NEW_ACCOUNT,
  sent,
  settle,
  taken,
} from "../../shared/room/account.ts";
import type { RoomCall } from "../../shared/room/types.ts";
import {
  readClientMessage,
  ROOM_END,
  type RoomEnd,
  type RoomMessage,
  writeRoomMessage,
} from "../../shared/room/wire.ts";

/** All that is known of a socket: it outlives the object's sleep. */
interface Attachment {
  readonly call: RoomCall;
  readonly account: Account;
  /** Out, though its close frame may still be on its way. */
  readonly over?: true;
}

/** The platform's part. */
export interface RoomHost {
  sockets(): readonly WebSocket[];
  accept(socket: WebSocket): void;
  /** When its last ping came; null: it has sent none. */
  pingedMs(socket: WebSocket): number | null;
  nowMs(): number;
}

export class RoomSockets {
  readonly #host: RoomHost;

  constructor(host: RoomHost) {
    this.#host = host;
  }

  get calls(): readonly RoomCall[] {
    return this.#present().map((socket) => callOf(socket));
  }

  /** Has this SAE left too many open, one after the other? The platform cannot break them off. */
  isFullFor(sae: SaeId): boolean {
    const own = this.#host.sockets().filter((socket) => callOf(socket).self.sae === sae);
    return own.length >= LIMITS.roomSocketsPerSae;
  }

  /** A new one; an SAE has one at a time, the newest. */
  admit(socket: WebSocket, call: RoomCall): void {
    for (const other of this.#present()) if (callOf(other).self.sae === call.self.sae) this.#end(other, "replaced");
    this.#host.accept(socket);
    attach(socket, { call, account: NEW_ACCOUNT });
    const peer = this.#peerOf(socket);
    tell(socket, { type: "peer", present: peer !== undefined });
    const bytes = firstCreditBytes(peer === undefined ? null : accountOf(peer));
    if (bytes > 0) tell(socket, { type: "credit", bytes });
    if (peer !== undefined) tell(peer, { type: "peer", present: true });
  }

  heard(socket: WebSocket, message: string | ArrayBuffer): void {
    // Of one that has been replaced, what was on its way still comes.
    if (isOver(socket) || this.#endIfExpired(socket)) return;
    if (typeof message === "string") this.#heardText(socket, message);
    else this.#heardFrame(socket, message);
  }

  /** From the other side, or without a word. @returns whose it was */
  ended(socket: WebSocket): RoomCall {
    try {
      socket.close();
    } catch {
      // Closed both ways already.
    }
    this.#left(socket);
    return callOf(socket);
  }

  /** Ends those of whom this can be said. */
  end(why: RoomEnd, concerns: (call: RoomCall) => boolean): void {
    for (const socket of this.#present()) if (concerns(callOf(socket))) this.#end(socket, why);
  }

  /** Ends those whose proofs have expired. @returns when the next of the others do; Infinity: never */
  endExpired(): number {
    const untilMs = this.#present()
      .filter((socket) => !this.#endIfExpired(socket))
      .map((socket) => callOf(socket).standing.untilMs ?? Infinity);
    return Math.min(Infinity, ...untilMs);
  }

  #present(): readonly WebSocket[] {
    return this.#host.sockets().filter((socket) => socket.readyState === WebSocket.OPEN && !isOver(socket));
  }

  #peerOf(socket: WebSocket): WebSocket | undefined {
    const { sae } = callOf(socket).self;
    return this.#present().find((other) => callOf(other).self.sae !== sae);
  }

  /** One whose network has gone without a word is ended here: TCP gives it up only much later. */
  #livingPeerOf(socket: WebSocket): WebSocket | undefined {
    const peer = this.#peerOf(socket);
    const pingedMs = peer === undefined ? null : this.#host.pingedMs(peer);
    if (peer === undefined || pingedMs === null || this.#host.nowMs() - pingedMs < LIMITS.roomSilentMs) return peer;
    this.#end(peer, "silent");
    return undefined;
  }

  #heardFrame(socket: WebSocket, frame: ArrayBuffer): void {
    const peer = this.#livingPeerOf(socket);
    const receiver = peer === undefined ? null : accountOf(peer);
    const accounts = sent({ sender: accountOf(socket), receiver }, frame.byteLength);
    if (!accounts.ok) {
      this.#end(socket, accounts.error);
      return;
    }
    if (peer !== undefined && accounts.value.receiver !== null) {
      keep(peer, accounts.value.receiver);
      pass(peer, frame);
    }
    credit(socket, accounts.value.sender);
  }

  #heardText(socket: WebSocket, text: string): void {
    const message = readClientMessage(text);
    if (message === null) {
      this.#end(socket, "bad-message");
      return;
    }
    const peer = this.#peerOf(socket);
    const accounts = taken(accountOf(socket), peer === undefined ? null : accountOf(peer), message.bytes);
    if (!accounts.ok) {
      this.#end(socket, accounts.error);
      return;
    }
    keep(socket, accounts.value.receiver);
    if (peer !== undefined && accounts.value.sender !== null) credit(peer, accounts.value.sender);
  }

  /** Whoever may come in until some time may stay until then. */
  #endIfExpired(socket: WebSocket): boolean {
    const { untilMs } = callOf(socket).standing;
    if (untilMs === null || this.#host.nowMs() < untilMs) return false;
    this.#end(socket, "revoked");
    return true;
  }

  #end(socket: WebSocket, why: RoomEnd): void {
    const { code, reason } = ROOM_END[why];
    try {
      socket.close(code, reason);
    } catch {
      // Closed from the other side.
    }
    this.#left(socket);
  }

  #left(socket: WebSocket): void {
    if (isOver(socket)) return;
    attach(socket, { ...attachmentOf(socket), over: true });
    const peer = this.#peerOf(socket);
    if (peer === undefined) return;
    tell(peer, { type: "peer", present: false });
    credit(peer, afterLeave(accountOf(peer), accountOf(socket)));
  }
}

const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment() as Attachment;
const attach = (socket: WebSocket, attachment: Attachment): void => socket.serializeAttachment(attachment);
const callOf = (socket: WebSocket): RoomCall => attachmentOf(socket).call;
const accountOf = (socket: WebSocket): Account => attachmentOf(socket).account;
const isOver = (socket: WebSocket): boolean => attachmentOf(socket).over === true;
const keep = (socket: WebSocket, account: Account): void => attach(socket, { ...attachmentOf(socket), account });

/** Keeps a sender's account, and tells it of its credit if it is time to. */
function credit(socket: WebSocket, owed: Account): void {
  const { account, creditBytes } = settle(owed);
  keep(socket, account);
  if (creditBytes > 0) tell(socket, { type: "credit", bytes: creditBytes });
}

const tell = (socket: WebSocket, message: RoomMessage): void => pass(socket, writeRoomMessage(message));

function pass(socket: WebSocket, message: string | ArrayBuffer): void {
  try {
    socket.send(message);
  } catch {
    // It is about to be told as ended.
  }
}
