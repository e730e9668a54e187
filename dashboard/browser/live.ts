/** The Monitor's live view, over a WebSocket that is opened again where it breaks. */
import { MONITOR_PROTOCOL, type MonitorMessage, type MonitorView } from "../../shared/api/monitor-schemas.ts";
import { LIVE_END } from "../../shared/monitor/live.ts";
import { webSocketUrl } from "../../shared/web-socket-url.ts";
import { ordered, updated } from "../core/view.ts";
import type { Api } from "./api.ts";

export interface LiveState {
  readonly view: MonitorView | null;
  readonly isLive: boolean;
  /** When it was last heard of; ms of the browser's clock. */
  readonly heardMs: number;
  /** Newer windows of the same operator have taken its place: it does not come back by itself. */
  readonly isReplaced: boolean;
}

const PATH = "/api/v1/monitor/live";
const RETRY_MS = { first: 500, most: 10_000 } as const;
/** Between two samples nothing needs to be said; after so many of them in silence the socket is dead. */
const SILENT_PERIODS = 10;
const SILENT_MS = 30_000;

export class Live {
  #state: LiveState = { view: null, isLive: false, heardMs: Date.now(), isReplaced: false };
  #socket: WebSocket | null = null;
  #pauseMs: number = RETRY_MS.first;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #watch: ReturnType<typeof setInterval>;
  readonly #onState: (state: LiveState) => void;
  readonly #api: Pick<Api, "stillCounts">;
  #isClosed = false;

  constructor(api: Pick<Api, "stillCounts">, onState: (state: LiveState) => void) {
    [this.#api, this.#onState] = [api, onState];
    this.#watch = setInterval(() => this.#look(), 1000);
    this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    this.#socket?.close(1000);
  }

  #connect(): void {
    const socket = new WebSocket(webSocketUrl(PATH, location.href), MONITOR_PROTOCOL);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }: MessageEvent<string>) => this.#hear(socket, data));
    socket.addEventListener("close", ({ code }) => void this.#ended(socket, code));
  }

  #hear(socket: WebSocket, text: string): void {
    const message = JSON.parse(text) as MonitorMessage;
    const view =
      message.type === "view"
        ? ordered(message.view)
        : this.#state.view === null
          ? null
          : updated(this.#state.view, message);
    this.#pauseMs = RETRY_MS.first;
    this.#set({ view, isLive: true, heardMs: Date.now(), isReplaced: false });
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type: "ack", n: message.n }));
  }

  #look(): void {
    const silentMs = Math.max(SILENT_MS, SILENT_PERIODS * (this.#state.view?.period_ms ?? 0));
    if (this.#state.isLive && Date.now() - this.#state.heardMs > silentMs) this.#socket?.close();
  }

  /** Whether the session still counts is asked: a socket that could not be opened does not say why. */
  async #ended(socket: WebSocket, code: number): Promise<void> {
    if (this.#isClosed || socket !== this.#socket) return;
    const isReplaced = code === LIVE_END.replaced.code;
    this.#set({ ...this.#state, isLive: false, isReplaced });
    if (isReplaced) return this.close();
    if (!(await this.#api.stillCounts()) || this.#isClosed) return;
    this.#timer = setTimeout(() => this.#connect(), this.#pauseMs);
    this.#pauseMs = Math.min(RETRY_MS.most, 2 * this.#pauseMs);
  }

  #set(state: LiveState): void {
    this.#state = state;
    this.#onState(state);
  }
}
