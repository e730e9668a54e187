/** What may lie between an agent and the edge: a balancer whose edge comes and goes, and somebody who listens. */
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { HELLO_HEADER } from "../../shared/tunnel/messages.ts";
import { bytesOf } from "../../tunnel/agent/link/web-socket.ts";

async function listen(server: net.Server, port = 0): Promise<string> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

/** A fixed address in front of an edge that may move. */
export class Balancer {
  /** URL of the edge; null: connections are refused. */
  target: string | null;
  readonly url: string;

  /** @param port where agents dial: the edge has to know it for its own */
  static async start(target: string, port: number): Promise<Balancer> {
    const balancer: { value?: Balancer } = {};
    const server = net.createServer((socket) => balancer.value?.carry(socket));
    const url = await listen(server, port);
    onTestFinished(() => void server.close());
    return (balancer.value = new Balancer(target, url));
  }

  private constructor(target: string, url: string) {
    this.target = target;
    this.url = url;
  }

  carry(socket: net.Socket): void {
    if (this.target === null) {
      socket.resetAndDestroy();
      return;
    }
    const { hostname: host, port } = new URL(this.target);
    const edge = net.connect({ host, port: Number(port) });
    for (const [from, to] of [
      [socket, edge],
      [edge, socket],
    ] as const) {
      from.on("error", () => to.destroy());
      from.once("close", () => to.destroy());
      from.pipe(to);
    }
  }
}

export interface WireTapOptions {
  /** Shows instead of the agent's hello what it returns. */
  readonly hello?: (text: string) => string;
  /** Where agents dial, of a proxy that the edge knows for its own; any other port makes it somebody in the middle. */
  readonly port?: number;
  /** As it calls the edge: then the edge is dialled by that name, as an address of its own would have it. */
  readonly host?: string;
}

/** Ends TLS, so to say: sees each message of every WebSocket, and may put others in its place. */
export class WireTap {
  readonly url: string;
  /** Of binary messages, each way in the order of their coming. */
  readonly frames: Buffer[] = [];
  /** Of agents, as they came. */
  readonly hellos: string[] = [];
  readonly #edge: URL;
  readonly #options: WireTapOptions;

  static async start(edge: string, options: WireTapOptions = {}): Promise<WireTap> {
    const server = http.createServer();
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    const tap = new WireTap(await listen(server, options.port), edge, options);
    server.on("request", (request, response) => void tap.#forward(request, response));
    server.on("upgrade", (request: http.IncomingMessage, socket: net.Socket, head: Buffer) => {
      const dialled = tap.#dial(request);
      dialled.on("unexpected-response", (_request, answer) => void passOn(answer, socket));
      dialled.once("open", () => sockets.handleUpgrade(request, socket, head, (agent) => tap.#relay(agent, dialled)));
      dialled.once("error", () => socket.destroy());
    });
    onTestFinished(() => {
      for (const agent of sockets.clients) agent.terminate();
      server.closeAllConnections();
      server.close();
    });
    return tap;
  }

  private constructor(url: string, edge: string, options: WireTapOptions) {
    this.url = url;
    this.#edge = new URL(edge);
    this.#options = options;
  }

  async #forward(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { hostname: host, port } = this.#edge;
    const { method, url: path } = request;
    const headers = { ...request.headers, host: this.#options.host ?? request.headers.host };
    const body = await buffer(request);
    const asked = http.request({ host, port, method, path, headers, agent: false }).end(body);
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers).end(await buffer(answer));
  }

  #dial({ url, headers: { host: dialled = "", [HELLO_HEADER.toLowerCase()]: came } }: http.IncomingMessage): WebSocket {
    const { host = dialled, hello = (text: string) => text } = this.#options;
    if (came !== undefined) this.hellos.push(String(came));
    const headers = { host, ...(came === undefined ? {} : { [HELLO_HEADER]: hello(String(came)) }) };
    return new WebSocket(`ws://${this.#edge.host}${url ?? ""}`, { headers, perMessageDeflate: false });
  }

  #relay(agent: WebSocket, edge: WebSocket): void {
    for (const [one, other] of [
      [agent, edge],
      [edge, agent],
    ] as const) {
      one.on("message", (data, isBinary) => {
        const bytes = bytesOf(data);
        if (isBinary) this.frames.push(bytes);
        other.send(isBinary ? bytes : bytes.toString());
      });
      one.on("error", () => other.terminate());
      one.on("close", (code, reason) => (isSendable(code) ? other.close(code, reason) : other.terminate()));
    }
  }
}

/** Who asked for a WebSocket gets the answer that is none. */
async function passOn(answer: http.IncomingMessage, socket: net.Socket): Promise<void> {
  const body = await buffer(answer);
  const head = [`HTTP/1.1 ${answer.statusCode} Refused`, `content-length: ${body.length}`];
  const retry = answer.headers["retry-after"];
  if (retry !== undefined) head.push(`retry-after: ${retry}`);
  socket.end(Buffer.concat([Buffer.from([...head, "", ""].join("\r\n")), body]));
}

/** RFC 6455 7.4.1: the others may not stand in a close frame. */
const isSendable = (code: number): boolean => code === 1000 || (code >= 3000 && code < 5000);
