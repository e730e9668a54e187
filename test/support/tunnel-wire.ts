/** What may lie between an agent and the edge: a balancer whose edge comes and goes, and somebody who listens. */
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { buffer } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { type RawData, WebSocket, WebSocketServer } from "ws";
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
  /** Says instead of the agent, or of the hub, what it returns. */
  readonly fromAgent?: (text: string) => string;
  readonly fromHub?: (text: string) => string;
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
  /** Of text messages from agents. */
  readonly said: string[] = [];
  readonly #edge: URL;
  readonly #options: WireTapOptions;

  static async start(edge: string, options: WireTapOptions = {}): Promise<WireTap> {
    const server = http.createServer();
    const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
    const tap = new WireTap(await listen(server, options.port), edge, options);
    server.on("request", (request, response) => void tap.#forward(request, response));
    server.on("upgrade", (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (agent) => tap.#relay(agent, request)),
    );
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
    const { method, url: path, headers } = request;
    const body = await buffer(request);
    const asked = http.request({ host, port, method, path, headers, agent: false }).end(body);
    const [answer] = (await once(asked, "response")) as [http.IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers).end(await buffer(answer));
  }

  #relay(agent: WebSocket, { url, headers }: http.IncomingMessage): void {
    const { host = headers.host ?? "" } = this.#options;
    const edge = new WebSocket(`ws://${this.#edge.host}${url ?? ""}`, { headers: { host }, perMessageDeflate: false });
    const { fromAgent = same, fromHub = same } = this.#options;
    const early: (readonly [RawData, boolean])[] = [];
    const toEdge = (data: RawData, isBinary: boolean): void => {
      const bytes = bytesOf(data);
      if (isBinary) this.frames.push(bytes);
      else this.said.push(bytes.toString());
      edge.send(isBinary ? bytes : fromAgent(bytes.toString()));
    };
    agent.on("message", (data, isBinary) => {
      if (edge.readyState === WebSocket.OPEN) toEdge(data, isBinary);
      else early.push([data, isBinary]);
    });
    edge.once("open", () => {
      for (const [data, isBinary] of early) toEdge(data, isBinary);
    });
    edge.on("message", (data, isBinary) => {
      const bytes = bytesOf(data);
      if (isBinary) this.frames.push(bytes);
      agent.send(isBinary ? bytes : fromHub(bytes.toString()));
    });
    for (const [one, other] of [
      [agent, edge],
      [edge, agent],
    ] as const) {
      one.on("error", () => other.terminate());
      one.on("close", (code, reason) => (isSendable(code) ? other.close(code, reason) : other.terminate()));
    }
  }
}

const same = (text: string): string => text;
/** RFC 6455 7.4.1: the others may not stand in a close frame. */
const isSendable = (code: number): boolean => code === 1000 || (code >= 3000 && code < 5000);
