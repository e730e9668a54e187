/** The room (shared/room/): the other side's presence, and the way by which frames always can go. */
import { BROWSERS } from "../../../shared/limits-browsers.ts";
import { PING, ROOM_END, ROOM_PROTOCOL } from "../../../shared/room/wire.ts";
import { parseJson } from "../../../shared/bytes/json.ts";
import { webSocketUrl } from "../../../shared/web-socket-url.ts";
import { BOUNDS } from "../core/bounds.ts";
import type { Bytes } from "../core/bytes.ts";
import { RoomCredit } from "../core/room-credit.ts";
import type { Carrier } from "../core/carrier.ts";

export interface RoomEvents {
  readonly onRoom: (room: Carrier | null, isPeerPresent: boolean) => void;
  readonly onFrame: (frame: Bytes, done: () => void) => void;
  readonly onWritable: () => void;
  /** It will not come back, and why. */
  readonly onEnd: (reason: string) => void;
}

/** Closes after which another attempt would fare no better. */
const FINAL: Readonly<Record<number, string>> = {
  [ROOM_END.replaced.code]: "This conversation was opened in another window, which has taken over.",
  [ROOM_END.revoked.code]: "You may not be here any more: your token or certificate no longer counts.",
};

/** RFC 6455 7.1.5: there was no close frame. */
const NO_CLOSE = 1006;

export class RoomSocket {
  readonly #events: RoomEvents;
  readonly #peer: string;
  readonly #token: string | null;
  #socket: WebSocket | null = null;
  #pauseMs: number = BOUNDS.roomRetryMs;
  #heardMs = 0;
  #pings: ReturnType<typeof setInterval> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(peer: string, token: string | null, events: RoomEvents) {
    this.#events = events;
    this.#peer = peer;
    this.#token = token;
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#pings);
    this.#socket?.close(1000);
  }

  #connect(): void {
    const url = webSocketUrl(`/api/v1/rooms/${encodeURIComponent(this.#peer)}`, location.href);
    // A browser lets nobody set headers on a WebSocket, so the token goes along as a subprotocol.
    const protocols = [ROOM_PROTOCOL, ...(this.#token === null ? [] : [`bearer.${this.#token}`])];
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    const credit = new RoomCredit();
    const carrier: Carrier = {
      kind: "room",
      hasRoomFor: (sizeBytes) => socket.readyState === WebSocket.OPEN && credit.has(sizeBytes),
      send: (frame) => {
        if (socket.readyState !== WebSocket.OPEN) return;
        credit.sent(frame.length);
        socket.send(frame);
      },
    };
    socket.addEventListener("open", () => this.#probe(socket));
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
      this.#heardMs = performance.now();
      if (typeof data === "string") this.#told(data, carrier, credit);
      else this.#events.onFrame(new Uint8Array(data), () => this.#took(socket, credit, data.byteLength));
    });
    socket.addEventListener("close", ({ code }) => this.#ended(socket, code));
  }

  /** Proxies close what is idle, and a network that is gone says nothing. */
  #probe(socket: WebSocket): void {
    this.#heardMs = performance.now();
    clearInterval(this.#pings);
    this.#pings = setInterval(() => {
      if (performance.now() - this.#heardMs < BROWSERS.roomLostMs) socket.send(PING);
      else {
        socket.close();
        this.#ended(socket, NO_CLOSE);
      }
    }, BROWSERS.roomPingMs);
  }

  #told(text: string, carrier: Carrier, credit: RoomCredit): void {
    const json = parseJson(text, 1);
    const message = json.ok ? (json.value as { readonly type?: unknown; present?: unknown; bytes?: unknown }) : {};
    if (message.type === "peer") {
      this.#pauseMs = BOUNDS.roomRetryMs;
      this.#events.onRoom(carrier, message.present === true);
    } else if (message.type === "credit" && typeof message.bytes === "number") {
      credit.granted(message.bytes);
      this.#events.onWritable();
    }
  }

  #took(socket: WebSocket, credit: RoomCredit, sizeBytes: number): void {
    const told = credit.took(sizeBytes);
    if (told > 0 && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "taken", bytes: told }));
  }

  #ended(socket: WebSocket, code: number): void {
    if (this.#isClosed || socket !== this.#socket) return;
    clearInterval(this.#pings);
    this.#socket = null;
    this.#events.onRoom(null, false);
    const final = FINAL[code];
    if (final !== undefined) {
      this.#isClosed = true;
      this.#events.onEnd(final);
      return;
    }
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(BOUNDS.roomRetryMaxMs, 2 * this.#pauseMs);
  }
}
