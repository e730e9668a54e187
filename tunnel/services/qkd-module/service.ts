/**
 * A QKD module as its clients know it, on a local port: requests are passed to the edge for the SAE of this listener, and
 * answers as they come. The bindings themselves, and all state, are the edge's.
 */
import type http from "node:http";
import { fail } from "../../../shared/errors/errors.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { failureOf } from "../../agent/link/edge.ts";
import type { Log } from "../../log.ts";
import { allowList } from "../etsi004/allow-list.ts";
import type { Ask } from "../etsi004/as-agent.ts";
import { mayConnectTo, type QkdModuleConfig } from "../etsi004/config.ts";
import { etsi004Place, type LocalService } from "../etsi004/listen-at.ts";
import {
  answer,
  bodyOf,
  listenHttp,
  type OwnAnswer,
  passOn,
  PATIENCE_MS,
  pathOf,
  said,
} from "../local-http/listener.ts";
import { objectionTo } from "../local-http/guard.ts";
import { type Passed, passedAt, type Trouble } from "./paths.ts";

export interface QkdModuleOptions {
  readonly config: QkdModuleConfig;
  readonly ask: Ask;
  readonly log: Log;
}

/** @throws AgentFailure where the port cannot be had */
export async function startQkdModule({ config, ask, log }: QkdModuleOptions): Promise<LocalService> {
  const listening = await listenHttp({
    place: etsi004Place(config),
    mayConnect: mayConnectTo(config),
    serve: (refused) => {
      const front = new Front({ config, ask, log: refused });
      return (request, response) => front.serve(request, response);
    },
    log,
  });
  return { kind: config.kind, ...listening };
}

const NOT_FOUND = said(404, "no such path");
const TOO_LARGE = fail("body-too-large", `the body may have ${LIMITS.qkdModuleBodyBytes} bytes`).error;

class Front {
  readonly #options: QkdModuleOptions;
  readonly #isPeerModule: (address: string | undefined) => boolean;

  constructor(options: QkdModuleOptions) {
    this.#options = options;
    this.#isPeerModule = allowList(options.config.peer_modules);
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const passed = passedAt(pathOf(request));
    const refusal = this.#refusal(request, passed);
    if (refusal !== null || passed === null) {
      if (refusal?.httpStatus === 403) this.#options.log("warn", "request refused", { reason: refusal.body.trim() });
      answer(request, response, refusal ?? NOT_FOUND);
      return;
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const own = (trouble: Trouble): void =>
      answer(request, response, passed.refusal(trouble, request.headers.accept ?? null));
    try {
      const body = await bodyOf(request, LIMITS.qkdModuleBodyBytes);
      if (body === null) own({ kind: "body", fault: TOO_LARGE });
      else passOn(await this.#ask(request, passed, body, gone.signal), HEADERS, response);
    } catch (thrown) {
      if (gone.signal.aborted) return;
      this.#options.log("warn", "the edge cannot be asked", { reason: failureOf(thrown) });
      own({ kind: "edge" });
    }
  }

  #refusal(request: http.IncomingMessage, passed: Passed | null): OwnAnswer | null {
    const { headers, method, socket } = request;
    const { address, port, hosts } = this.#options.config;
    const door = { hosts: [...hosts, `${address}:${port}`], localAddress: socket.localAddress };
    const objection = objectionTo(headers, door);
    if (objection !== null) return said(403, objection);
    if (passed === null) return NOT_FOUND;
    if (method !== passed.method) return said(405, `only ${passed.method}`);
    if (passed.isOfPeer && !this.#isPeerModule(socket.remoteAddress))
      return said(403, "only the peer module may call this");
    return null;
  }

  #ask(request: http.IncomingMessage, passed: Passed, bytes: Uint8Array, gone: AbortSignal): ReturnType<Ask> {
    const { url = "", headers: told } = request;
    const { method } = passed;
    const content = { bytes, contentType: told["content-type"] ?? passed.contentType };
    const asked = { method, path: url, headers: { accept: told.accept ?? "*/*" } };
    const timely = AbortSignal.any([gone, AbortSignal.timeout(PATIENCE_MS)]);
    return this.#options.ask(method === "POST" ? { ...asked, body: content } : asked, timely);
  }
}

/** Headers that mean something to the bindings' clients. */
const HEADERS = ["content-type", "retry-after"] as const;
