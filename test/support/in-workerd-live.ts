/** Operators who watch the deployment over live sockets. */
import { afterEach, expect } from "vitest";
import {
  MONITOR_PROTOCOL,
  type MonitorMessage,
  type MonitorUpdate,
  type MonitorView,
} from "../../shared/api/monitor-schemas.ts";
import { token } from "./in-workerd-network.ts";
import { upgrade } from "./in-workerd-rooms.ts";

export class LiveClient {
  readonly messages: MonitorMessage[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  /** Acknowledges all that comes. */
  isQuick: boolean;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket, isQuick: boolean) {
    this.#socket = socket;
    this.isQuick = isQuick;
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(String(data)) as MonitorMessage;
      this.messages.push(message);
      if (this.isQuick) this.ack(message.n);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  get updates(): readonly MonitorUpdate[] {
    return this.messages.flatMap((message) => (message.type === "update" ? [message] : []));
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  ack(n: number): void {
    this.send(JSON.stringify({ type: "ack", n }));
  }

  async first(): Promise<MonitorView> {
    await expect.poll(() => this.messages[0]?.type).toBe("view");
    const [message] = this.messages;
    if (message?.type !== "view") throw new Error("no view");
    return message.view;
  }

  close(): void {
    if (this.closed === null) this.#socket.close(1000, "done");
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    await expect.poll(() => this.closed).not.toBeNull();
    return this.closed ?? { code: 0, reason: "" };
  }
}

const clients: LiveClient[] = [];
// Nobody watches on.
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

export function live(socket: WebSocket, isQuick = true): LiveClient {
  const client = new LiveClient(socket, isQuick);
  clients.push(client);
  return client;
}

export async function watch(as: string, isQuick = true): Promise<LiveClient> {
  const response = await upgrade("/api/v1/monitor/live", {
    Authorization: `Bearer ${token(as)}`,
    "Sec-WebSocket-Protocol": MONITOR_PROTOCOL,
  });
  if (response.webSocket === null) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  expect(response.headers.get("Sec-WebSocket-Protocol")).toBe(MONITOR_PROTOCOL);
  return live(response.webSocket, isQuick);
}
