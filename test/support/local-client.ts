/** Clients of the site agent's local TCP services, for tests: bytes out, and answers as they come. */
import { once } from "node:events";
import net from "node:net";
import { onTestFinished } from "vitest";
import { decodeMessage } from "../../shared/etsi004/binary/decode.ts";
import { encodeMessage } from "../../shared/etsi004/binary/encode.ts";
import { FrameReader } from "../../shared/etsi004/binary/frame-reader.ts";
import type { Message, OpenRequest, Request, Response } from "../../shared/etsi004/binary/messages.ts";
import { JsonSplitter } from "../../shared/etsi004/json-tcp/splitter.ts";
import type { Qos } from "../../shared/etsi004/qos.ts";

/** A connection whose answers are read one by one. */
export class LocalClient<Answer> {
  readonly socket: net.Socket;
  readonly #answers: Answer[] = [];
  readonly #waiting: (() => void)[] = [];
  #ended = false;

  constructor(socket: net.Socket, read: (segment: Buffer) => readonly Answer[]) {
    this.socket = socket;
    socket.on("data", (segment: Buffer) => {
      this.#answers.push(...read(segment));
      this.#wake();
    });
    socket.on("error", () => undefined);
    socket.once("close", () => this.#end());
    socket.once("end", () => this.#end());
    onTestFinished(() => void socket.destroy());
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Null at the end of the connection. */
  async next(): Promise<Answer | null> {
    for (;;) {
      const answer = this.#answers.shift();
      if (answer !== undefined) return answer;
      if (this.#ended) return null;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
  }

  #end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

export async function connectLocal(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

export type JsonAnswer = Readonly<Record<string, unknown>>;

export function jsonClient(socket: net.Socket): LocalClient<JsonAnswer> {
  const splitter = new JsonSplitter();
  return new LocalClient(socket, (segment) =>
    splitter.push(segment).map((piece) => {
      if (piece.kind !== "object") throw new Error(`the service says what is ${piece.kind}`);
      return JSON.parse(piece.text) as JsonAnswer;
    }),
  );
}

export const JSON_QOS = {
  key_chunk_size: 32,
  max_bps: 32,
  min_bps: 32,
  jitter: 10,
  priority: 0,
  timeout: 0,
  ttl: 0,
  metadata_mimetype: "application/json",
} as const;

/** One request of the hybridization module's protocol. */
export const command = (name: string, data: object): string => JSON.stringify({ command: name, data });

export function binaryClient(socket: net.Socket): LocalClient<Response> {
  const reader = new FrameReader("responses");
  return new LocalClient(socket, (segment) => {
    const { frames, fault } = reader.push(segment);
    if (fault !== null) throw new Error(`the service sends ${fault}`);
    return frames.map((frame) => {
      const message = decodeMessage(frame);
      if (!message.ok) throw new Error(`the service sends ${message.error}`);
      return message.value as Response;
    });
  });
}

export const frameOf = (message: Message): Uint8Array => encodeMessage(message);

export const BINARY_QOS: Qos = {
  chunkBytes: 32,
  maxBps: 5000,
  minBps: 1000,
  jitterBps: 10,
  priority: 0,
  timeoutMs: 5000,
  ttlSeconds: 3600,
  metadataMimetype: "application/json",
};

export const openRequest = (more: Partial<Omit<OpenRequest, "type">> = {}): OpenRequest => ({
  type: "open-request",
  source: "client://localhost",
  destination: "server://x",
  qos: BINARY_QOS,
  ksid: null,
  ...more,
});

/** Sends one request and reads its response. */
export async function askBinary(client: LocalClient<Response>, request: Request): Promise<Response> {
  client.send(frameOf(request));
  const response = await client.next();
  if (response === null) throw new Error("the service has hung up");
  return response;
}

export async function askJson(client: LocalClient<JsonAnswer>, name: string, data: object): Promise<JsonAnswer> {
  client.send(command(name, data));
  const answer = await client.next();
  if (answer === null) throw new Error("the service has hung up");
  return answer;
}
