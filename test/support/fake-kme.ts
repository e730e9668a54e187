/** An HTTP server that answers as it is told and remembers what it was asked: real sockets, no key management behind it. */
import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { text } from "node:stream/consumers";
import { listenLocally, portOf } from "./listen-locally.ts";

export interface FakeReply {
  readonly status?: number;
  /** Text goes out as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON, or a form as text; null for no body. */
  readonly body: unknown;
}

function parsed(body: string, headers: IncomingHttpHeaders): unknown {
  if (body === "") return null;
  return headers["content-type"] === "application/x-www-form-urlencoded" ? body : JSON.parse(body);
}

export class FakeKme {
  readonly asked: Asked[] = [];
  readonly server: Server;
  /** One a request; the last is given again and again. */
  #replies: readonly FakeReply[] = [{ status: 404 }];

  private constructor(server: Server) {
    this.server = server;
  }

  static async start(): Promise<FakeKme> {
    const kme = new FakeKme(createServer());
    kme.server.on("request", (request, response) => void kme.#answer(request, response));
    await listenLocally(kme.server);
    return kme;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const { method = "", url = "", headers } = request;
    this.asked.push({ method, url, headers, body: parsed(body, headers) });
    const [reply = {}, ...later] = this.#replies;
    if (later.length > 0) this.#replies = later;
    const isText = reply.body === undefined || typeof reply.body === "string";
    response.writeHead(reply.status ?? 200, reply.headers).end(isText ? reply.body : JSON.stringify(reply.body));
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.server)}`;
  }

  /** Says what to answer from now on, and forgets what was asked. */
  answers(...replies: readonly FakeReply[]): void {
    this.#replies = replies;
    this.asked.length = 0;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }
}
