/** Clients of the site agent's local TCP services, for tests: bytes out, and answers as they come. */
import { once } from "node:events";
import net from "node:net";
import { onTestFinished } from "vitest";
import { binaryAnswers } from "../../cli/doctor/etsi004/wire/binary.ts";
import { type Codec, Conversation } from "../../cli/doctor/etsi004/wire/conversation.ts";
import { command, type JsonAnswer, jsonAnswers } from "../../cli/doctor/etsi004/wire/json.ts";
import { encodeMessage } from "../../shared/etsi004/binary/encode.ts";
import type { Message, OpenRequest, Request, Response } from "../../shared/etsi004/binary/messages.ts";
import type { Qos } from "../../shared/etsi004/qos.ts";

export { command, type JsonAnswer };

/** Ends with the test. */
export class LocalClient<Answer> extends Conversation<Answer> {
  constructor(socket: net.Socket, codec: Codec<Answer>) {
    super(socket, codec);
    onTestFinished(() => this.end());
  }
}

/** @param at a port of this machine, or `host:port` as ports.json has it */
export async function connectLocal(at: number | string | undefined): Promise<net.Socket> {
  const [, host = "127.0.0.1", port] = /^(?:(.*):)?(\d+)$/.exec(String(at)) ?? [];
  if (port === undefined) throw new Error(`nothing listens at ${at}`);
  const socket = net.connect({ port: Number(port), host, noDelay: true });
  await once(socket, "connect");
  return socket;
}

export const jsonClient = (socket: net.Socket): LocalClient<JsonAnswer> => new LocalClient(socket, jsonAnswers());
export const binaryClient = (socket: net.Socket): LocalClient<Response> => new LocalClient(socket, binaryAnswers());

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
