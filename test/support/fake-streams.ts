/**
 * The edge as local services of ETSI 004 see it, over real HTTP: streams in memory, without ends or time; and whatever else
 * is asked is recorded and answered as the test says.
 */
import { createHash, randomUUID } from "node:crypto";
import http from "node:http";
import { onTestFinished } from "vitest";
import { type ProfileName, PROFILES } from "../../shared/etsi004/profiles.ts";
import { Edge } from "../../tunnel/agent/link/edge.ts";
import type { Link } from "../../tunnel/agent/link/link.ts";
import { type Ask, askAs } from "../../tunnel/services/etsi004/as-agent.ts";
import { listenLocally, portOf } from "./listen-locally.ts";

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface FakeAnswer {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body: string | Buffer;
}

export const jsonAnswer = (status: number, body: object): FakeAnswer => ({
  status,
  headers: { "content-type": "application/json" },
  body: JSON.stringify(body),
});

interface Wish {
  readonly binding: ProfileName;
  readonly key_stream_ID?: string;
  readonly QOS?: Readonly<Record<string, number | string>>;
  readonly index?: number;
  readonly Metadata_size?: number;
  readonly indexes?: readonly number[];
}

export const FAKE_CHUNK_BYTES = 32;
export const FAKE_MAX_CHUNK_BYTES = 4096;
export const FAKE_METADATA = JSON.stringify({ age: 7, hops: 0 });
/** No chunk from here on. */
export const FAKE_CHUNKS = 1000;
const PATH = /^\/api\/v1\/streams(?:\/(?<ksid>[^/]+)\/(?<call>get_key|close))?$/;
/** Of qkd-module: several chunks in one call. */
export const MODULE_GET_KEY = "/api/v1/qkdm/actions/get_key";
const TOKEN = "of the tunnel";

/** The chunk a stream has at an index. */
export const fakeKey = (ksid: string, index: number, chunkBytes = FAKE_CHUNK_BYTES): Buffer =>
  Buffer.alloc(chunkBytes, createHash("sha256").update(`${ksid} ${index}`).digest());

export class FakeStreams {
  readonly asked: Asked[] = [];
  /** Answers, or holds an answer back, instead of the streams where it gives one. */
  intercept: (asked: Asked) => FakeAnswer | null | Promise<FakeAnswer | null> = () => null;
  readonly #streams = new Map<string, number>();
  readonly #watching = new Set<() => void>();
  readonly #server: http.Server;
  readonly #edge: Edge;

  /** Until the test is over. */
  static async start(): Promise<FakeStreams> {
    const server = http.createServer();
    await listenLocally(server);
    const streams = new FakeStreams(server);
    onTestFinished(() => streams.close());
    return streams;
  }

  private constructor(server: http.Server) {
    this.#server = server;
    this.#edge = new Edge({ edge: this.url });
    server.on("request", (request, response) => void this.#serve(request, response));
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  /** What a local service asks with. */
  ask(sae = "sae-a", node = "tn-1"): Ask {
    const session = { access: { token: TOKEN, expiresMs: Number.MAX_SAFE_INTEGER } };
    const owner = { whenUp: () => Promise.resolve(session) } as unknown as Pick<Link, "whenUp">;
    return askAs(this.#edge, owner, { sae, node });
  }

  /** Once it has been asked for so many of these. */
  async seen(isMeant: (asked: Asked) => boolean, count = 1): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => void (this.asked.filter(isMeant).length >= count && resolve());
    this.#watching.add(look);
    look();
    await promise;
    this.#watching.delete(look);
  }

  /** As the edge does with what nobody uses. */
  forget(ksid: string): void {
    this.#streams.delete(ksid);
  }

  /** Whatever was asked: no answer comes. */
  breakConnections(): void {
    this.#server.closeAllConnections();
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  close(): void {
    this.#edge.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { method = "", url: path = "", headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    const asked = { method, path, headers, body: Buffer.concat(chunks).toString("latin1") };
    this.asked.push(asked);
    for (const look of this.#watching) look();
    const answer = (await this.intercept(asked)) ?? this.#answer(asked);
    response.writeHead(answer.status, answer.headers).end(answer.body);
  }

  #answer({ path, body, headers }: Asked): FakeAnswer {
    if (headers.authorization !== `Bearer ${TOKEN}`) return jsonAnswer(401, { message: "who are you" });
    if (path === MODULE_GET_KEY) return this.#giveKeys(JSON.parse(body) as Wish);
    const found = PATH.exec(path);
    if (found === null) return jsonAnswer(404, { message: "nothing here" });
    const wish = JSON.parse(body) as Wish;
    const { ksid, call } = found.groups ?? {};
    if (ksid === undefined) return this.#open(wish);
    const chunkBytes = this.#streams.get(ksid);
    if (chunkBytes === undefined) return failed(404, PROFILES[wish.binding].unknownKsid);
    if (call === "get_key") return giveKey(ksid, chunkBytes, wish);
    this.#streams.delete(ksid);
    return jsonAnswer(200, { status: 0 });
  }

  #open({ binding, key_stream_ID: asked, QOS: qos = {} }: Wish): FakeAnswer {
    if (asked !== undefined && this.#streams.has(asked) && PROFILES[binding].reopen === "in-use") return failed(409, 5);
    const ksid = asked ?? randomUUID();
    const wished = Number(qos["Key_chunk_size"] ?? FAKE_CHUNK_BYTES);
    const chunkBytes = Math.min(wished, FAKE_MAX_CHUNK_BYTES);
    this.#streams.set(ksid, chunkBytes);
    const told = { ...qos, Key_chunk_size: chunkBytes };
    return jsonAnswer(200, { status: wished === chunkBytes ? 0 : 7, key_stream_ID: ksid, QOS: told });
  }

  #giveKeys({ key_stream_ID: ksid = "", indexes = [] }: Wish): FakeAnswer {
    const chunkBytes = this.#streams.get(ksid);
    if (chunkBytes === undefined) return failed(503, PROFILES["qkd-module"].unknownKsid);
    if (indexes.some((index) => index >= FAKE_CHUNKS)) return failed(503, 2);
    const keys = indexes.map((index) => fakeKey(ksid, index, chunkBytes).toString("base64"));
    return jsonAnswer(200, { status: 0, indexes, keys });
  }
}

const failed = (httpStatus: number, status: number): FakeAnswer =>
  jsonAnswer(httpStatus, { status, message: "as the fake says" });

function giveKey(ksid: string, chunkBytes: number, { index = 0, Metadata_size: size = 0 }: Wish): FakeAnswer {
  if (index >= FAKE_CHUNKS) return failed(503, 2);
  if (size > 0 && size < FAKE_METADATA.length) {
    return jsonAnswer(422, { status: 8, message: "too small", Metadata_size: FAKE_METADATA.length });
  }
  const key = fakeKey(ksid, index, chunkBytes).toString("base64");
  return jsonAnswer(200, { status: 0, index, Key_buffer: key, ...(size === 0 ? {} : { Metadata: FAKE_METADATA }) });
}
