/** One agent's WebSocket at a hub: who it is, and the account of what was sent there. */
import { toHex } from "../../shared/bytes/hex.ts";
import { fullBucket, takeToken, type TokenBucket } from "../../shared/keypool/token-bucket.ts";
import { LIMITS } from "../../shared/limits.ts";
import { encodeFrame } from "../../shared/mux/encode.ts";
import { type Frame, FRAME_TYPES, HUB_SLOT, SOCKET_SLOT, typeOf } from "../../shared/mux/frame.ts";
import { decodeFrame } from "../../shared/mux/decode.ts";
import { RelayWindow } from "../../shared/mux/relay-window.ts";
import type { FromHub } from "../../shared/tunnel/messages.ts";
import type { Attachment, Member } from "./attachment.ts";

export class Connection {
  readonly socket: WebSocket;
  readonly window: RelayWindow;
  #attachment: Attachment;
  #lists: TokenBucket | null = null;
  /** Something was sent since the account was last written down. */
  #unsaved = false;
  /** Waits for acknowledgements; of the hub's own streams. */
  onAcknowledged: (() => void) | null = null;

  constructor(socket: WebSocket, attachment: Attachment, restored: boolean) {
    this.socket = socket;
    this.#attachment = attachment;
    this.window = new RelayWindow(attachment.kind === "member" ? attachment.window : undefined);
    if (!restored) this.save();
  }

  get member(): Member | null {
    return this.#attachment.kind === "member" ? this.#attachment : null;
  }

  get isGone(): boolean {
    return this.#attachment.kind === "gone";
  }

  get unsaved(): boolean {
    return this.#unsaved;
  }

  update(change: Partial<Pick<Member, "role" | "linked" | "barrier" | "usedByHub">>): void {
    if (this.#attachment.kind !== "member") return;
    this.#attachment = { ...this.#attachment, ...change };
    this.save();
  }

  /** Writes the account down, so that it outlives a sleep. */
  save(): void {
    this.#unsaved = false;
    if (this.#attachment.kind === "member") this.#attachment = { ...this.#attachment, window: this.window.snapshot() };
    this.socket.serializeAttachment(this.#attachment);
  }

  /** One more list of services has come. @returns whether so many may */
  countList(nowMs: number): boolean {
    const limit = LIMITS.tunnelServiceLists;
    const { bucket, waitMs } = takeToken(this.#lists ?? fullBucket(limit.burst, nowMs), limit, nowMs);
    this.#lists = bucket;
    return waitMs === 0;
  }

  tell(message: FromHub): void {
    if (!this.isGone) quietly(() => this.socket.send(JSON.stringify(message)));
  }

  /** @param source the slot it comes from */
  send(frame: Uint8Array, source: number): void {
    this.#put(frame, source);
    if (this.window.isMarkDue) this.#mark();
  }

  /** A frame of the hub's own. */
  say(frame: Frame, source: number): void {
    this.send(encodeFrame(frame), source);
  }

  /** Notes an `ack`. @returns false where it acknowledges what it was never sent */
  acknowledge(frame: Uint8Array): boolean {
    const decoded = decodeFrame(frame);
    if (!decoded.ok || decoded.value.type !== "ack") return typeOf(frame) !== "ack";
    if (!this.window.acknowledged(decoded.value.token)) return false;
    this.onAcknowledged?.();
    return true;
  }

  /** The last that is done here: whatever still arrives counts for nothing. */
  end(code: number, reason: string): void {
    this.leave();
    quietly(() => this.socket.close(code, reason));
  }

  /** The socket has ended by itself. */
  leave(): void {
    this.#attachment = { kind: "gone" };
    quietly(() => this.socket.serializeAttachment(this.#attachment));
  }

  #put(frame: Uint8Array, source: number): void {
    this.window.sent(source, frame.length);
    this.#unsaved = true;
    try {
      this.socket.send(frame);
    } catch {
      // Closed already, as in `quietly`; this is the busy path.
    }
  }

  /** Written down at once: a hub that slept knows every mark that may come back, and misses no more than what followed. */
  #mark(): void {
    const token = crypto.getRandomValues(new Uint8Array(FRAME_TYPES.mark.minBytes));
    this.#put(encodeFrame({ type: "mark", slot: SOCKET_SLOT, stream: 0, token }), HUB_SLOT);
    this.window.marked(token);
    this.save();
  }
}

/**
 * Whoever had a slot towards this agent is gone, and another takes it at once: what the agent sent before it heard is
 * told from what it sends after by its answer.
 */
export function startAfresh(connection: Connection, slot: number): void {
  const token = crypto.getRandomValues(new Uint8Array(8));
  connection.update({ barrier: toHex(token) });
  connection.say({ type: "peer-gone", slot, stream: 0, token }, HUB_SLOT);
}

/** A socket that the other end has closed may say so at any call: its close event tells the rest. */
function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // Closed already.
  }
}
