/** Clients of binding 5. */
import { afterEach, expect } from "vitest";
import type { Standing } from "../../shared/auth/standing.ts";
import { fromBase64 } from "../../shared/bytes/base64.ts";
import type { ChunkMetadata, Ksid } from "../../shared/etsi004/types.ts";
import { hex } from "./in-workerd-pool.ts";
import type { App } from "./in-workerd-streams.ts";

export interface Pushed {
  readonly index: number;
  readonly chunk: string;
  readonly metadata: ChunkMetadata | null;
}

export class Client {
  readonly pushed: Pushed[] = [];
  closed: { readonly code: number; readonly reason: string } | null = null;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.accept();
    socket.addEventListener("message", ({ data }) => {
      const message = JSON.parse(data as string) as { index: number; Key_buffer: string; Metadata: string };
      const { index, Key_buffer: key, Metadata: metadata } = message;
      this.pushed.push({
        index,
        chunk: hex(fromBase64(key) ?? new Uint8Array()),
        metadata: metadata === "" ? null : (JSON.parse(metadata) as ChunkMetadata),
      });
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
  }

  send(message: string): void {
    this.#socket.send(message);
  }

  give(credits: number): void {
    this.send(JSON.stringify({ credits }));
  }

  /** Tells how many have come. */
  tell(received: number = this.pushed.length): void {
    this.send(JSON.stringify({ received }));
  }

  close(): void {
    if (this.closed === null) this.#socket.close(1000, "done");
  }

  /** Until so many have come. */
  async has(count: number): Promise<readonly Pushed[]> {
    await expect.poll(() => this.pushed.length, { timeout: 20_000 }).toBe(count);
    return this.pushed;
  }

  async ended(): Promise<{ readonly code: number; readonly reason: string }> {
    await expect.poll(() => this.closed, { timeout: 20_000 }).not.toBeNull();
    return this.closed ?? { code: 0, reason: "" };
  }
}

const clients: Client[] = [];
// What waits for a socket would keep its object awake, which other streams share.
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

export async function connect(app: App, ksid: Ksid, standing: Partial<Standing> = {}): Promise<Client> {
  const { status, webSocket } = await app.socket(ksid, standing);
  if (webSocket === null) throw new Error(`no socket: ${status}`);
  const client = new Client(webSocket);
  clients.push(client);
  return client;
}
