/** One connection to a hub: hello, welcome, then frames and pings until it ends. Nothing of it outlives its socket. */
import type { IncomingMessage } from "node:http";
import type { WebSocket } from "ws";
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { Mux } from "../../../shared/mux/mux.ts";
import { HUB_SLOT, SOCKET_SLOT } from "../../../shared/mux/frame.ts";
import type { IncomingOpen } from "../../../shared/mux/stream.ts";
import {
  CLOSE,
  type FromHub,
  FromHubSchema,
  PING_TEXT,
  PONG_TEXT,
  type RefusalCode,
  type ServicesMessage,
  type TunnelRole,
} from "../../../shared/tunnel/messages.ts";
import type { Peer, Service } from "../../../shared/tunnel/services.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import { reasonOf } from "../reason.ts";
import { endOfUpgrade, endWith, reasonOfRefusal, type SessionEnd } from "./end.ts";
import type { LinkTimes } from "./times.ts";
import { bytesOf, transportOf } from "./web-socket.ts";
import { passed } from "./young-garbage.ts";

export interface Access {
  readonly token: string;
  readonly expiresMs: number;
}

export interface SessionOptions {
  readonly role: TunnelRole;
  /** What this end exposes: the hub is told as soon as there is a socket. */
  readonly services: readonly Service[];
  /** Who this is, as the hub wants to see it; null where the platform has told it already. */
  readonly hello: ((signal: AbortSignal) => Promise<Result<string, SessionEnd>>) | null;
  readonly dial: (handshakeMs: number, hello: string | null) => WebSocket;
  readonly times: LinkTimes;
  readonly onOpen: (open: IncomingOpen, peer: Peer | null) => void;
  readonly onActive: () => void;
}

/** The edge itself, on behalf of whom it has authorised. */
const HUB: Peer = { site: null, linked: false };
/** How long the hub may take to close its end, and how often a leaving session looks whether streams are left. */
const CLOSE_MS = 1000;
const LOOK_MS = 20;

export class Session {
  readonly mux: Mux;
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #socket: WebSocket;
  readonly #welcome = Promise.withResolvers<Result<Session, SessionEnd>>();
  readonly #peers = new Map<number, Peer>();
  readonly #end = Promise.withResolvers<SessionEnd>();
  #isOpen = false;
  #state: "active" | "standby" = "standby";
  #access: Access | null = null;
  #refusal: RefusalCode | null = null;
  #retryAfterMs: number | null = null;
  #reason: string | null = null;
  #pinging: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;

  /** Ends with `signal`, at any stage. */
  static async connect(options: SessionOptions, signal: AbortSignal): Promise<Result<Session, SessionEnd>> {
    const { handshakeMs } = options.times;
    const untilMs = performance.now() + handshakeMs;
    const hello = await options.hello?.(AbortSignal.any([signal, AbortSignal.timeout(handshakeMs)]));
    if (hello?.ok === false) return hello;
    if (signal.aborted) return err(endWith("told to end"));
    const session = new Session(options, hello?.value ?? null, Math.max(1, untilMs - performance.now()));
    const abort = (): void => session.abort("told to end");
    signal.addEventListener("abort", abort, { once: true });
    void session.ended.then(() => signal.removeEventListener("abort", abort));
    return await session.#welcome.promise;
  }

  private constructor(options: SessionOptions, hello: string | null, handshakeMs: number) {
    const { dial, role } = options;
    this.#options = options;
    this.ended = this.#end.promise;
    this.#socket = dial(handshakeMs, hello);
    this.mux = new Mux({
      role,
      transport: transportOf(this.#socket),
      now: () => performance.now(),
      soon: (act) => void setImmediate(act),
      onOpen: (open) => options.onOpen(open, open.slot === HUB_SLOT ? HUB : (this.#peers.get(open.slot) ?? null)),
      onPeerGone: (slot) => this.#peers.delete(slot),
    });
    this.#deadline = setTimeout(() => this.abort("the hub does not answer"), handshakeMs);
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
    socket.on("unexpected-response", (_request, response) => void this.#refusedAtDoor(response));
    socket.on("open", () => this.#expose());
    socket.on("message", (data, isBinary) => {
      this.#alive();
      if (!isBinary) this.#hear(bytesOf(data).toString("utf8"));
      else if (this.#isOpen) this.#receive(bytesOf(data));
      else this.abort("the hub sent a frame before its welcome");
    });
    socket.on("close", (code, reason) => this.#closed(code, reason.toString("utf8")));
  }

  /** There is no socket, and an answer instead that says why. */
  async #refusedAtDoor(response: IncomingMessage): Promise<void> {
    const { reason, refusal, retryAfterMs } = await endOfUpgrade(response);
    this.#refusal = refusal;
    this.#retryAfterMs = retryAfterMs;
    this.abort(reason);
  }

  #expose(): void {
    const { role, services } = this.#options;
    if (role === "peer") return;
    const message: ServicesMessage = { type: "services", services: [...services] };
    this.#socket.send(JSON.stringify(message));
  }

  #receive(message: Buffer): void {
    passed(message.length);
    this.mux.received(message);
  }

  #hear(text: string): void {
    if (text === PONG_TEXT) return;
    const message = parseMessage(text);
    if (message === null) this.abort("the hub does not speak this version of the protocol");
    else (this.#on[message.type] as (message: FromHub) => void)(message);
  }

  readonly #on: { readonly [T in FromHub["type"]]: (message: FromHub & { readonly type: T }) => void } = {
    welcome: ({ state, access }) => {
      if (this.#isOpen) return;
      this.#isOpen = true;
      this.#access = access ?? null;
      clearTimeout(this.#deadline);
      this.#pinging = setInterval(() => this.#ping(), this.#options.times.pingMs);
      if (state === "active") this.#activate();
      this.#welcome.resolve(ok(this));
    },
    active: () => this.#activate(),
    refused: ({ code, message, retryAfterMs }) => {
      this.#refusal = code;
      this.#retryAfterMs = retryAfterMs === null ? null : Math.min(retryAfterMs, LIMITS.agentRetryAfterMs);
      this.abort(reasonOfRefusal(code, message));
    },
    peer: ({ slot, site, linked }) => void this.#peers.set(slot, { site, linked }),
    access: ({ token, expiresMs }) => void (this.#access = { token, expiresMs }),
  };

  #activate(): void {
    if (!this.#isOpen || this.#state === "active") return;
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
    if (this.#isOpen) clearTimeout(this.#deadline);
  }

  #closed(code: number, said: string): void {
    clearInterval(this.#pinging);
    clearTimeout(this.#deadline);
    const replaced = code === CLOSE.replaced;
    const words = replaced ? "another process of this instance took over" : `closed by the edge (${code})`;
    const reason = this.#reason ?? (said === "" ? words : `${words}: ${said.replaceAll(/\p{Cc}+/gu, " ")}`);
    const end: SessionEnd = { reason, refusal: this.#refusal, retryAfterMs: this.#retryAfterMs, replaced };
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
