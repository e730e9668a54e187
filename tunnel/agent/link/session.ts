/**
 * One connection to a hub: challenge, hello, welcome, then frames and pings until it ends. Nothing of it outlives its
 * socket.
 */
import type { WebSocket } from "ws";
import * as v from "valibot";
import { Mux } from "../../../shared/mux/mux.ts";
import { HUB_SLOT, SOCKET_SLOT } from "../../../shared/mux/frame.ts";
import type { IncomingOpen } from "../../../shared/mux/stream.ts";
import {
  CLOSE,
  type FromHub,
  FromHubSchema,
  type Hello,
  PING_TEXT,
  PONG_TEXT,
  REFUSALS,
  type RefusalCode,
  type TunnelRole,
} from "../../../shared/tunnel/messages.ts";
import type { Peer } from "../../../shared/tunnel/services.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { reasonOf } from "../reason.ts";
import type { LinkTimes } from "./times.ts";
import { bytesOf, transportOf } from "./web-socket.ts";

export interface Refusal {
  readonly code: RefusalCode;
  readonly message: string;
  /** Null: not without a change. */
  readonly retryAfterMs: number | null;
}

export interface SessionEnd {
  readonly reason: string;
  readonly refusal: Refusal | null;
  /** Another connection of this very instance took its place. */
  readonly replaced: boolean;
}

export interface Access {
  readonly token: string;
  readonly expiresMs: number;
}

export interface SessionOptions {
  readonly role: TunnelRole;
  readonly dial: (handshakeMs: number) => WebSocket;
  /** Who this is, once the hub asks; null where the platform has told it already, and it does not. */
  readonly hello: ((nonce: string) => Hello) | null;
  readonly times: LinkTimes;
  readonly onOpen: (open: IncomingOpen, peer: Peer | null) => void;
  readonly onActive: () => void;
}

/** The edge itself, on behalf of whom it has authorised. */
const HUB: Peer = { site: null, linked: false };
/** How long the hub may take to close its end, and how often a leaving session looks whether streams are left. */
const CLOSE_MS = 1000;
const LOOK_MS = 20;

/** What it means that there is no WebSocket. */
const NO_TUNNEL: Readonly<Record<number, string>> = {
  421: "the edge does not know itself by this address (421): its operator says with --public-host by which it does",
};

export class Session {
  readonly mux: Mux;
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #socket: WebSocket;
  readonly #welcome = Promise.withResolvers<Result<Session, SessionEnd>>();
  readonly #peers = new Map<number, Peer>();
  readonly #end = Promise.withResolvers<SessionEnd>();
  #phase: "challenge" | "welcome" | "open" = "challenge";
  #state: "active" | "standby" = "standby";
  #access: Access | null = null;
  #refusal: Refusal | null = null;
  #reason: string | null = null;
  #pinging: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  /** Ends with `signal`, at any stage. */
  static connect(options: SessionOptions, signal: AbortSignal): Promise<Result<Session, SessionEnd>> {
    const session = new Session(options);
    const abort = (): void => session.abort("told to end");
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    void session.ended.then(() => signal.removeEventListener("abort", abort));
    return session.#welcome.promise;
  }

  private constructor(options: SessionOptions) {
    const { dial, times, role } = options;
    this.#options = options;
    this.ended = this.#end.promise;
    this.#socket = dial(times.handshakeMs);
    this.mux = new Mux({
      role,
      transport: transportOf(this.#socket),
      now: () => performance.now(),
      soon: (act) => void setImmediate(act),
      onOpen: (open) => options.onOpen(open, open.slot === HUB_SLOT ? HUB : (this.#peers.get(open.slot) ?? null)),
      onPeerGone: (slot) => this.#peers.delete(slot),
    });
    this.#deadline = setTimeout(() => this.abort("the hub does not answer"), times.handshakeMs);
    this.#listen();
  }

  get state(): "active" | "standby" {
    return this.#state;
  }

  /** For the REST API; null where the hub gave none. */
  get access(): Access | null {
    return this.#access;
  }

  /** At a peer's end there is but one other: the owner. */
  readonly ownerSlot = SOCKET_SLOT;

  /** Takes no new streams, lets those under way end for a while, and closes. */
  async leave(): Promise<void> {
    this.mux.goAway("going-away");
    const untilMs = performance.now() + this.#options.times.leaveMs;
    while (this.mux.gauges.streams > 0 && performance.now() < untilMs) {
      await Promise.race([this.ended, new Promise((resolve) => setTimeout(resolve, LOOK_MS))]);
    }
    this.#reason ??= "told to end";
    this.#socket.close(CLOSE.leaving, "the agent ends");
    const impatient = setTimeout(() => this.#socket.terminate(), CLOSE_MS);
    await this.ended;
    clearTimeout(impatient);
  }

  /** Ends it now. */
  abort(reason: string): void {
    this.#reason ??= reason;
    this.#socket.terminate();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on("error", (error) => (this.#reason ??= reasonOf(error)));
    socket.on("unexpected-response", (request, { statusCode }) => {
      this.#reason ??= NO_TUNNEL[statusCode ?? 0] ?? `the edge answers ${statusCode} where its tunnel should be`;
      request.destroy();
      socket.terminate();
    });
    socket.on("message", (data, isBinary) => {
      this.#alive();
      if (!isBinary) this.#hear(bytesOf(data).toString("utf8"));
      else if (this.#phase === "open") this.mux.received(bytesOf(data));
      else this.abort("the hub sent a frame before its welcome");
    });
    socket.on("close", (code, reason) => this.#closed(code, reason.toString("utf8")));
  }

  #hear(text: string): void {
    if (text === PONG_TEXT) return;
    const message = parseMessage(text);
    if (message === null) this.abort("the hub does not speak this version of the protocol");
    else (this.#on[message.type] as (message: FromHub) => void)(message);
  }

  readonly #on: { readonly [T in FromHub["type"]]: (message: FromHub & { readonly type: T }) => void } = {
    challenge: ({ nonce }) => {
      if (this.#phase !== "challenge") return;
      this.#phase = "welcome";
      const { hello } = this.#options;
      if (hello === null) this.abort("the hub asks who this is");
      else this.#socket.send(JSON.stringify(hello(nonce)));
    },
    welcome: ({ state, access }) => {
      // Whom the platform vouches for is not challenged.
      if (this.#phase === "open") return;
      this.#phase = "open";
      this.#access = access ?? null;
      clearTimeout(this.#deadline);
      this.#pinging = setInterval(() => this.#ping(), this.#options.times.pingMs);
      if (state === "active") this.#activate();
      this.#welcome.resolve(ok(this));
    },
    active: () => this.#activate(),
    refused: ({ code, message, retryAfterMs }) => {
      this.#refusal = { code, message, retryAfterMs };
      const words = message === "" ? REFUSALS[code] : message;
      this.abort(`refused: ${words.replaceAll(/\p{Cc}+/gu, " ")} (${code})`);
    },
    peer: ({ slot, site, linked }) => void this.#peers.set(slot, { site, linked }),
    access: ({ token, expiresMs }) => void (this.#access = { token, expiresMs }),
  };

  #activate(): void {
    if (this.#phase !== "open" || this.#state === "active") return;
    this.#state = "active";
    this.#options.onActive();
  }

  #ping(): void {
    this.#socket.send(PING_TEXT);
    const { pongMs } = this.#options.times;
    this.#deadline = setTimeout(
      () => this.abort(`nothing heard for ${pongMs} ms after a ping: the link is dead`),
      pongMs,
    );
  }

  #alive(): void {
    if (this.#phase === "open") clearTimeout(this.#deadline);
  }

  #closed(code: number, said: string): void {
    clearInterval(this.#pinging);
    clearTimeout(this.#deadline);
    const replaced = code === CLOSE.replaced;
    const words = replaced ? "another process of this instance took over" : `closed by the edge (${code})`;
    const reason = this.#reason ?? (said === "" ? words : `${words}: ${said.replaceAll(/\p{Cc}+/gu, " ")}`);
    const end: SessionEnd = { reason, refusal: this.#refusal, replaced };
    this.mux.lost(reason);
    this.#welcome.resolve(err(end));
    this.#end.resolve(end);
  }
}

function parseMessage(text: string): FromHub | null {
  try {
    const parsed = v.safeParse(FromHubSchema, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
