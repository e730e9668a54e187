/** Answers what others open here. The configuration decides, whatever the edge let through. */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import type { Code } from "../../../shared/mux/codes.ts";
import type { IncomingOpen } from "../../../shared/mux/stream.ts";
import { isHttp, mayOpen, type Peer, serviceOf } from "../../../shared/tunnel/services.ts";
import type { Log, LogLevel } from "../../log.ts";
import type { ServiceConfig } from "../config/schema.ts";
import { dial } from "./dial.ts";
import { deviceAgent, exchangeHttp } from "./http-exchange.ts";
import type { InnerTls } from "./inner-tls.ts";
import { joinSockets } from "./join.ts";
import { pump } from "./pump.ts";

export interface ExposeOptions {
  readonly services: readonly ServiceConfig[];
  /** Undefined where no certificate is configured: then no service has `tls`. */
  readonly tls: InnerTls | undefined;
  readonly log: Log;
}

export class Exposed {
  readonly #services: ReadonlyMap<string, ServiceConfig>;
  readonly #tls: InnerTls | undefined;
  readonly #log: Log;
  readonly #agent: http.Agent = deviceAgent();

  constructor({ services, tls, log }: ExposeOptions) {
    this.#services = new Map(services.map((service) => [service.name, service]));
    this.#tls = tls;
    this.#log = log;
  }

  /** @param peer null: the hub has not said who has that slot */
  answer(open: IncomingOpen, peer: Peer | null): void {
    const service = this.#services.get(serviceOf(open.service));
    const refuse = (code: Code, reason: string): void => {
      this.#note("warn", "open refused", open, peer, `${code}: ${reason}`);
      open.refuse(code, reason);
    };
    if (service === undefined) refuse("unknown-service", "");
    else if (peer === null || !mayOpen(service, peer)) refuse("not-allowed", "by the exposing agent");
    // Exchanges share connections to the device, and what Workers send has been parsed before.
    else if (isHttp(open.service) && peer.site !== null) refuse("not-allowed", "HTTP is for the edge itself");
    else if (!isHttp(open.service))
      void (service.tls ? this.#forwardInTls(open, peer, service) : this.#forward(open, peer, service));
    else if (service.tls) refuse("not-allowed", "the service is under TLS between the agents");
    else void this.#exchange(open, peer, service);
  }

  close(): void {
    this.#agent.destroy();
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

  /** Nothing is dialled for who has not shown the site's certificate. */
  async #forwardInTls(open: IncomingOpen, peer: Peer, service: ServiceConfig): Promise<void> {
    if (this.#tls === undefined || peer.site === null) {
      open.refuse("not-allowed", "no TLS between the agents");
      return;
    }
    const stream = open.accept();
    const secure = await this.#tls.asServer(stream, peer.site);
    if (!secure.ok) {
      this.#note("error", "TLS between the agents failed", open, peer, secure.error);
      stream.reset("not-allowed", "TLS between the agents failed");
      return;
    }
    const socket = await dial(service, whenClosed(open));
    if (!socket.ok) {
      this.#note("warn", "service cannot be reached", open, peer, socket.error);
      stream.reset("dial-failed", socket.error.slice(0, 100));
      return;
    }
    this.#note("debug", "opened", open, peer);
    joinSockets(secure.value, socket.value);
  }

  async #exchange(open: IncomingOpen, peer: Peer, service: ServiceConfig): Promise<void> {
    const done = await exchangeHttp(open.accept("with-answer"), service, this.#agent);
    if (done.ok || done.error.code === "cancelled") return;
    this.#note("warn", "HTTP exchange failed", open, peer, done.error.reason);
  }

  #note(level: LogLevel, message: string, open: IncomingOpen, peer: Peer | null, reason?: string): void {
    const from = peer === null ? "unknown" : (peer.site ?? "the edge");
    this.#log(level, message, { service: open.service, from, ...(reason === undefined ? {} : { reason }) });
  }
}

function whenClosed(open: IncomingOpen): AbortSignal {
  const controller = new AbortController();
  void open.closed.then(() => controller.abort());
  return controller.signal;
}
