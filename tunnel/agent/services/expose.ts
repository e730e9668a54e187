/** Answers what others open here. The configuration decides, whatever the edge let through. */
import type http from "node:http";
import type { Duplex } from "node:stream";
import { LIMITS } from "../../../shared/limits.ts";
import type { Code } from "../../../shared/mux/codes.ts";
import type { IncomingOpen, MuxStream } from "../../../shared/mux/stream.ts";
import type { Result } from "../../../shared/result.ts";
import { ALLOW_WORDS, isHttp, mayOpen, type Peer, serviceOf } from "../../../shared/tunnel/services.ts";
import type { Log, LogFields, LogLevel } from "../../log.ts";
import type { ServiceConfig } from "../config/schema.ts";
import { dial } from "./dial.ts";
import {
  deviceAgent,
  type ExchangeFailure,
  exchangeHttp,
  namesOf,
  secureAgent,
  type SeeHead,
} from "./http-exchange.ts";
import type { InnerTls } from "./inner-tls.ts";
import { joinSockets } from "./join.ts";
import { type AnswerHttp, answerHttp } from "./own-http.ts";
import { pump } from "./pump.ts";

export interface ExposeOptions {
  readonly services: readonly ServiceConfig[];
  /** Undefined where no certificate is configured: then no service has `tls`. */
  readonly tls: InnerTls | undefined;
  readonly log: Log;
}

/** A service that this process is itself: for agents of other sites, in TLS between the two. */
export interface OwnService {
  /** Sites. */
  readonly allow: readonly string[];
  /** @param site whose certificate has been seen */
  readonly take: (socket: Duplex, site: string) => void;
}

/** A service that this process is itself, for the edge: HTTP, an exchange a stream. */
export interface OwnHttpService {
  readonly answer: AnswerHttp;
  /** Of a request's body. */
  readonly bodyBytes: number;
}

/** What is done with a stream to such a service. */
type Own = { readonly allow: readonly string[]; readonly tls: boolean } & (
  | Pick<OwnService, "take">
  | Pick<OwnHttpService, "answer" | "bodyBytes">
);

/** A stream whose other end is that site's agent for certain. */
interface Secure {
  readonly stream: MuxStream;
  readonly socket: Duplex;
  readonly site: string;
}

export class Exposed {
  readonly #services: ReadonlyMap<string, ServiceConfig>;
  readonly #tls: InnerTls | undefined;
  readonly #log: Log;
  readonly #own = new Map<string, Own>();
  readonly #agent: http.Agent = deviceAgent();
  /** By service. */
  readonly #secureAgents: ReadonlyMap<string, http.Agent>;

  constructor({ services, tls, log }: ExposeOptions) {
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#secureAgents = new Map(
      services.flatMap(({ name, https }) => (https === undefined ? [] : [[name, secureAgent(name, https)] as const])),
    );
    this.#tls = tls;
    this.#log = log;
  }

  /** Before the first link is up: the configuration has made sure that nothing else is called so. */
  serve(name: string, own: OwnService): void {
    this.#own.set(name, { ...own, tls: true });
  }

  /** The same for what the edge itself asks, and nobody else. */
  serveHttp(name: string, own: OwnHttpService): void {
    this.#own.set(name, { ...own, allow: [ALLOW_WORDS.edge], tls: false });
  }

  /** @param peer null: the hub has not said who has that slot */
  answer(open: IncomingOpen, peer: Peer | null): void {
    const name = serviceOf(open.service);
    const service = this.#own.get(name) ?? this.#services.get(name);
    const refuse = (code: Code, reason: string): void => {
      this.#note("warn", "open refused", open, peer, `${code}: ${reason}`);
      open.refuse(code, reason);
    };
    if (service === undefined) refuse("unknown-service", "");
    else if (peer === null || !mayOpen(service, peer)) refuse("not-allowed", "by the exposing agent");
    // Exchanges share connections to the device, and what Workers send has been parsed before.
    else if (isHttp(open.service) && peer.site !== null) refuse("not-allowed", "HTTP is for the edge itself");
    else if (isHttp(open.service) && service.tls) refuse("not-allowed", "the service is under TLS between the agents");
    else if ("take" in service) void this.#take(open, peer, service);
    else if ("answer" in service && isHttp(open.service)) void this.#answerHttp(open, peer, service);
    else if ("answer" in service) refuse("not-allowed", "the service is HTTP");
    else if (isHttp(open.service)) void this.#exchange(open, peer, service);
    else void (service.tls ? this.#forwardInTls(open, peer, service) : this.#forward(open, peer, service));
  }

  close(): void {
    for (const agent of [this.#agent, ...this.#secureAgents.values()]) agent.destroy();
  }

  async #forward(open: IncomingOpen, peer: Peer, service: ServiceConfig): Promise<void> {
    const socket = await dial(service, whenClosed(open));
    if (!socket.ok) {
      this.#note("warn", "service cannot be reached", open, peer, socket.error);
      open.refuse("dial-failed", socket.error.slice(0, 100));
      return;
    }
    this.#note("debug", "opened", open, peer);
    const stream = open.accept("with-answer");
    // A service that says nothing is open all the same.
    const silent = setTimeout(() => stream.confirm(), LIMITS.agentAnswerMs);
    await pump(stream, socket.value);
    clearTimeout(silent);
  }

  async #take(open: IncomingOpen, peer: Peer, own: OwnService): Promise<void> {
    const secure = await this.#secure(open, peer);
    if (secure === null) return;
    this.#note("debug", "opened", open, peer);
    own.take(secure.socket, secure.site);
  }

  async #forwardInTls(open: IncomingOpen, peer: Peer, service: ServiceConfig): Promise<void> {
    const secure = await this.#secure(open, peer);
    if (secure === null) return;
    const socket = await dial(service, whenClosed(open));
    if (!socket.ok) {
      this.#note("warn", "service cannot be reached", open, peer, socket.error);
      secure.stream.reset("dial-failed", socket.error.slice(0, 100));
      return;
    }
    this.#note("debug", "opened", open, peer);
    joinSockets(secure.socket, socket.value);
  }

  /** Nothing is dialled, nor heard, for who has not shown the site's certificate: null. */
  async #secure(open: IncomingOpen, peer: Peer): Promise<Secure | null> {
    const { site } = peer;
    if (this.#tls === undefined || site === null) {
      open.refuse("not-allowed", "no TLS between the agents");
      return null;
    }
    const stream = open.accept();
    const secure = await this.#tls.asServer(stream, site);
    if (secure.ok) return { stream, socket: secure.value, site };
    this.#note("error", "TLS between the agents failed", open, peer, secure.error);
    stream.reset("not-allowed", "TLS between the agents failed");
    return null;
  }

  async #exchange(open: IncomingOpen, peer: Peer, service: ServiceConfig): Promise<void> {
    const agent = this.#secureAgents.get(service.name) ?? this.#agent;
    await this.#noted(open, peer, (see) => exchangeHttp(open.accept("with-answer"), service, agent, see));
  }

  async #answerHttp(open: IncomingOpen, peer: Peer, own: OwnHttpService): Promise<void> {
    await this.#noted(open, peer, (see) => answerHttp(open.accept("with-answer"), own, see));
  }

  async #noted(
    open: IncomingOpen,
    peer: Peer,
    exchange: (see: SeeHead) => Promise<Result<null, ExchangeFailure>>,
  ): Promise<void> {
    let names: LogFields = {};
    const done = await exchange((head) => (names = namesOf(head)));
    if (done.ok) this.#note("debug", "HTTP exchange", open, peer, undefined, names);
    else if (done.error.code !== "cancelled")
      this.#note("warn", "HTTP exchange failed", open, peer, done.error.reason, names);
  }

  #note(
    level: LogLevel,
    message: string,
    open: IncomingOpen,
    peer: Peer | null,
    reason?: string,
    names: LogFields = {},
  ): void {
    const from = peer === null ? "unknown" : (peer.site ?? "the edge");
    const why = reason === undefined ? {} : { reason };
    this.#log(level, message, { service: open.service, from, ...names, ...why });
  }
}

function whenClosed(open: IncomingOpen): AbortSignal {
  const controller = new AbortController();
  void open.closed.then(() => controller.abort());
  return controller.signal;
}
