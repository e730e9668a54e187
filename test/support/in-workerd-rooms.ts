/** Clients of rooms. */
import { SELF } from "cloudflare:test";
import { afterEach, expect } from "vitest";
import type { RoomMessage } from "../../shared/room/wire.ts";
import { EDGE, token } from "./in-workerd-network.ts";

export class RoomClient {
  readonly texts: RoomMessage[] = [];
  readonly frames: Uint8Array[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") this.texts.push(JSON.parse(data) as RoomMessage);
      else this.frames.push(new Uint8Array(data as ArrayBuffer));
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  /** Of all it was given so far. */
  get creditBytes(): number {
    return this.texts.reduce((sum, text) => sum + (text.type === "credit" ? text.bytes : 0), 0);
  }

  /** What it was told of its peer, in order. */
  get presence(): readonly boolean[] {
    return this.texts.flatMap((text) => (text.type === "peer" ? [text.present] : []));
  }

  send(message: Uint8Array | string): void {
    this.#socket.send(message);
  }

  taken(bytes: number): void {
    this.send(JSON.stringify({ type: "taken", bytes }));
  }

  close(): void {
    if (this.closed === null) this.#socket.close(1000, "done");
  }

  async has(frames: number): Promise<readonly Uint8Array[]> {
    await expect.poll(() => this.frames.length).toBe(frames);
    return this.frames;
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    await expect.poll(() => this.closed).not.toBeNull();
    return this.closed ?? { code: 0, reason: "" };
  }
}

const clients: RoomClient[] = [];
// Nobody stays for the next test to meet.
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** @param headers besides those of the upgrade; in place of the token's where they bring one of their own */
export const upgrade = async (path: string, headers: Readonly<Record<string, string>>): Promise<Response> =>
  await SELF.fetch(`${EDGE}${path}`, { headers: { Upgrade: "websocket", ...headers } });

export async function enter(
  as: string,
  peer: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RoomClient> {
  const path = `/api/v1/rooms/${encodeURIComponent(peer)}`;
  const response = await upgrade(path, { Authorization: `Bearer ${token(as)}`, ...headers });
  if (response.webSocket === null) throw new Error(`no socket: ${response.status} ${await response.text()}`);
  const client = new RoomClient(response.webSocket);
  clients.push(client);
  return client;
}
