/** ETSI GS QKD 004 V2.1.1 as an application uses it: OPEN_CONNECT, GET_KEY, CLOSE, and a flow of key. */
import * as v from "valibot";
import { fromBase64 } from "../shared/bytes/base64.ts";
import { StreamFailedSchema, StreamKeySchema, StreamOpenedSchema } from "../shared/etsi004/native/answer-bodies.ts";
import { qosMembers, qosOf } from "../shared/etsi004/native/qos.ts";
import type { ProfileName } from "../shared/etsi004/profiles.ts";
import { NO_WISHES, type Qos } from "../shared/etsi004/qos.ts";
import { STATUS } from "../shared/etsi004/status.ts";
import { SOCKET_PROTOCOL } from "../shared/etsi004/window.ts";
import { CLIENT } from "../shared/limits-client.ts";
import { bearer } from "./bearer.ts";
import { type ChunkMetadata, readMetadata } from "./chunk-metadata.ts";
import { unlessAborted } from "./deadline.ts";
import { AnswerError, StreamError } from "./errors.ts";
import type { HttpAnswer } from "./exchange.ts";
import { Http } from "./http.ts";
import type { CallOptions, ClientOptions } from "./options.ts";
import { closeNormally, pushedChunks } from "./pushed.ts";
import { refusal } from "./refusal.ts";
import { segmentOf } from "./urls.ts";
import type { ConnectWebSocket } from "./web-socket.ts";

export interface Etsi004Options extends ClientOptions {
  /**
   * Opens the WebSocket over which `keys` has chunks pushed; without it they are fetched one by one. A function, because
   * each platform has a way of its own to send the token: see docs/client.md.
   */
  readonly webSocket?: ConnectWebSocket;
  /** How clients of another binding want to be treated (docs/etsi004/README.md); native where absent. */
  readonly binding?: ProfileName;
}

export interface OpenConnectOptions extends CallOptions {
  /** An SAE's id or address, or a URI that names an SAE or a node. */
  readonly destination: string;
  /** This application where absent. */
  readonly source?: string;
  /** To join the peer's stream, or one that both know by other means; allocated where absent. */
  readonly ksid?: string;
  /** What is absent or 0 is left to the system. */
  readonly qos?: Partial<Qos>;
}

export interface OpenStream {
  /** UUID: what the peer has to be told. */
  readonly ksid: string;
  /** 0; or 1: the peer has not opened the stream yet. */
  readonly status: number;
  /** As it is in force. */
  readonly qos: Qos;
}

export interface GetChunkOptions extends CallOptions {
  /** The next one of this end where absent. */
  readonly index?: number;
  /** Room for metadata in characters; where absent none is asked for. */
  readonly metadataSize?: number;
}

export interface Chunk {
  readonly index: number;
  /** QOS.Key_chunk_size bytes. The caller's own: to be wiped (`key.fill(0)`) after use. */
  readonly key: Uint8Array;
  readonly metadata: ChunkMetadata | null;
}

export interface KeysOptions extends CallOptions {
  /** Chunks that may be on their way, where they are pushed. */
  readonly credits?: number;
}

/** A stream, or its KSID alone: then nobody knows how long its chunks shall be. */
export type StreamRef = string | Pick<OpenStream, "ksid" | "qos">;

/** After these a flow of key goes on, in a while: too little key, no peer yet, none in time. */
const GOES_ON: ReadonlySet<number> = new Set([
  STATUS["insufficient-key"],
  STATUS["peer-not-yet-connected"],
  STATUS.timeout,
]);

/**
 * One application's way to its node's key management entity.
 *
 * Answers 503 are asked for again with growing pauses where nothing can have been consumed; all others are thrown.
 * @example
 * const streams = new Etsi004Client({ baseUrl: "https://edge.example.org", token });
 * const stream = await streams.openConnect({ destination: "sae-c", qos: { chunkBytes: 32 } });
 * for await (const { index, key } of streams.keys(stream)) use(index, key);
 */
export class Etsi004Client {
  readonly #http: Http;
  readonly #options: Etsi004Options;

  /** @throws TypeError for a base URL over which keys would go in clear text */
  constructor(options: Etsi004Options) {
    this.#http = new Http(options);
    this.#options = options;
  }

  /** @throws StreamError (7: with the QoS that could be had), RefusedError, AnswerError, UnreachableError */
  async openConnect({ destination, source, ksid, qos = {}, signal }: OpenConnectOptions): Promise<OpenStream> {
    const { Key_chunk_size: chunkBytes, ...members } = qosMembers({ ...NO_WISHES, ...qos });
    const answer = await this.#call("", signal, ksid !== undefined, {
      destination,
      ...(source === undefined ? {} : { source }),
      ...(ksid === undefined ? {} : { key_stream_ID: ksid }),
      QOS: chunkBytes === 0 ? members : { Key_chunk_size: chunkBytes, ...members },
    });
    const opened = expect(StreamOpenedSchema, answer);
    if (ksid !== undefined && opened.key_stream_ID.toLowerCase() !== ksid.toLowerCase()) {
      throw new AnswerError("the stream is another one than was asked for");
    }
    return { ksid: opened.key_stream_ID, status: opened.status, qos: qosOf(opened.QOS) };
  }

  /** @throws StreamError (8: with the size that metadata needs), RefusedError, AnswerError, UnreachableError */
  async getKey(stream: StreamRef, { index, metadataSize = 0, signal }: GetChunkOptions = {}): Promise<Chunk> {
    const answer = await this.#call(`/${segmentOf(ksidOf(stream))}/get_key`, signal, index !== undefined, {
      ...(index === undefined ? {} : { index }),
      Metadata_size: metadataSize,
    });
    const chunk = readChunk(expect(StreamKeySchema, answer), stream);
    if (index === undefined || index === chunk.index) return chunk;
    chunk.key.fill(0);
    throw new AnswerError(`chunk ${chunk.index} came in place of ${index}`);
  }

  /** The peer may still fetch what was made before. @throws StreamError, RefusedError, UnreachableError */
  async close(stream: StreamRef, { signal }: CallOptions = {}): Promise<void> {
    const answer = await this.#call(`/${segmentOf(ksidOf(stream))}/close`, signal, true, {});
    if (answer.status !== 200) throw failure(answer);
  }

  /**
   * Chunk after chunk, as long as they are asked for: over a WebSocket where there is one, else by GET_KEY. Waits where key is
   * short or the peer is not there yet, for as long as it takes: `signal` ends that. Does not CLOSE the stream.
   * @throws as `getKey`
   */
  async *keys(stream: StreamRef, { credits = CLIENT.clientCredits, signal }: KeysOptions = {}): AsyncGenerator<Chunk> {
    const { webSocket } = this.#options;
    if (webSocket === undefined) {
      yield* this.#fetchedChunks(stream, signal);
      return;
    }
    const url = this.#http.urlOf(`/api/v1/streams/${segmentOf(ksidOf(stream))}/ws`).replace(/^http/, "ws");
    const token = await unlessAborted(this.#http.token(), signal);
    const protocols = [SOCKET_PROTOCOL, ...(token === null ? [] : [`bearer.${token}`])];
    const opening = Promise.resolve(webSocket(url, bearer(token), protocols));
    const socket = await unlessAborted(opening, signal).catch((error: unknown) => {
      // It may still come, and nobody would close it.
      void opening.then(closeNormally, () => undefined);
      throw error;
    });
    for await (const message of pushedChunks(socket, credits, signal)) {
      yield readChunk({ ...message, Metadata: message.Metadata || undefined }, stream);
    }
  }

  async *#fetchedChunks(stream: StreamRef, signal: AbortSignal | undefined): AsyncGenerator<Chunk> {
    for (let waits = 0; ;) {
      try {
        yield await this.getKey(stream, signal === undefined ? {} : { signal });
        waits = 0;
      } catch (error) {
        if (!(error instanceof StreamError) || !GOES_ON.has(error.status)) throw error;
        await this.#http.pause(++waits, signal);
      }
    }
  }

  /** @param isNamed the call says which stream and which chunk it means: sent again, it means the same */
  async #call(
    path: string,
    signal: AbortSignal | undefined,
    isNamed: boolean,
    body: Readonly<Record<string, unknown>>,
  ): Promise<HttpAnswer> {
    const { binding } = this.#options;
    return await this.#http.call({
      path: `/api/v1/streams${path}`,
      body: binding === undefined ? body : { ...body, binding },
      isRepeatable: (answer) => {
        const status = statusOf(answer);
        return status === null ? isNamed : status === STATUS["insufficient-key"];
      },
      ...(signal === undefined ? {} : { signal }),
    });
  }
}

const ksidOf = (stream: StreamRef): string => (typeof stream === "string" ? stream : stream.ksid);

function statusOf({ json }: HttpAnswer): number | null {
  const parsed = v.safeParse(StreamFailedSchema, json);
  return parsed.success ? parsed.output.status : null;
}

function expect<Schema extends v.GenericSchema>(schema: Schema, answer: HttpAnswer): v.InferOutput<Schema> {
  if (answer.status !== 200) throw failure(answer);
  const parsed = v.safeParse(schema, answer.json);
  if (!parsed.success) throw new AnswerError("the answer is not what /api/v1/streams promises");
  return parsed.output;
}

function failure(answer: HttpAnswer): Error {
  const parsed = v.safeParse(StreamFailedSchema, answer.json);
  if (!parsed.success) return refusal(answer);
  const { status, message, QOS: qos, Metadata_size: metadataSize } = parsed.output;
  return new StreamError(
    `${message} (status ${status})`,
    { ...answer, reason: message },
    {
      status,
      qos: qos === undefined ? undefined : qosOf(qos),
      metadataSize,
    },
  );
}

interface WireChunk {
  readonly index: number;
  readonly Key_buffer: string;
  readonly Metadata?: string | undefined;
}

/** Exactly QOS.Key_chunk_size bytes, or none (clause 5, GET_KEY). */
function readChunk({ index, Key_buffer: base64, Metadata: text }: WireChunk, stream: StreamRef): Chunk {
  const key = fromBase64(base64);
  if (key === null) throw new AnswerError(`chunk ${index} is not base64`);
  const wantedBytes = typeof stream === "string" ? key.length : stream.qos.chunkBytes;
  if (key.length === 0 || key.length !== wantedBytes) {
    const { length } = key;
    key.fill(0);
    throw new AnswerError(`chunk ${index} has ${length} bytes, not ${wantedBytes}`);
  }
  return { index, key, metadata: text === undefined ? null : readMetadata(text) };
}
