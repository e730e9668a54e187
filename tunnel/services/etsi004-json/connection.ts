/**
 * The client's end of the hybridization module's protocol: one connection to a listener of it, JSON objects over TCP, one
 * answer a request.
 */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { parseJson } from "../../../shared/bytes/json.ts";
import { JsonSplitter } from "../../../shared/etsi004/json-tcp/splitter.ts";
import { isRecord } from "../../../shared/records.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { messageOf } from "../../log.ts";
import type { Place } from "../../place.ts";

export interface JsonTcpOptions {
  /** How long nothing may come. */
  readonly timeoutMs: number;
  /** What is thrown, of a reason in words. */
  readonly failure: (message: string) => Error;
}

type Members = Readonly<Record<string, unknown>>;

export class JsonTcpConnection {
  readonly #socket: Socket;
  readonly #failure: JsonTcpOptions["failure"];
  readonly #segments: AsyncIterator<Uint8Array, undefined>;
  readonly #splitter = new JsonSplitter();

  private constructor(socket: Socket, failure: JsonTcpOptions["failure"]) {
    this.#socket = socket;
    this.#failure = failure;
    this.#segments = socket[Symbol.asyncIterator]();
  }

  /** @throws `failure` with the system's reason */
  static async open(place: Place, { timeoutMs, failure }: JsonTcpOptions): Promise<JsonTcpConnection> {
    const socket = connect({ host: place.host, port: place.port });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error("no answer in time")));
    // `once` rejects where somebody waits; a connection that fails between two requests is noticed by the next.
    socket.on("error", () => undefined);
    try {
      await once(socket, "connect");
    } catch (thrown) {
      throw failure(`cannot reach ${place.host}:${place.port}: ${messageOf(thrown)}`);
    }
    return new JsonTcpConnection(socket, failure);
  }

  /** @returns the answer's members. @throws `failure` for an answer that is not status 0, or none */
  async ask(request: unknown): Promise<Members> {
    this.#socket.write(JSON.stringify(request));
    const answer = await this.#answer();
    if (answer["status"] === 0) return answer;
    const { status, message } = answer;
    throw this.#failure(`${typeof message === "string" ? message : "refused"} (status ${String(status)})`);
  }

  /** @returns the chunk, for the caller to wipe, and the buffer of its metadata. @throws `failure` */
  async getKey(ksid: string, index: number): Promise<{ readonly key: Uint8Array; readonly metadata: unknown }> {
    const { key_buffer: octets, metadata } = await this.ask({
      command: "GET_KEY",
      data: { key_stream_id: ksid, index, metadata: { size: 0, buffer: "" } },
    });
    if (!Array.isArray(octets) || !octets.every((octet) => Number.isInteger(octet) && octet >= 0 && octet <= 255)) {
      throw this.#failure("the answer to GET_KEY holds no octets");
    }
    const key = Uint8Array.from(octets as readonly number[]);
    octets.fill(0);
    return { key, metadata };
  }

  end(): void {
    this.#socket.destroy();
  }

  async #answer(): Promise<Members> {
    for (;;) {
      const segment = await this.#segment();
      const [piece] = this.#splitter.push(segment);
      segment.fill(0);
      if (piece === undefined) continue;
      // Its faults do not quote what they are about.
      const answer = piece.kind === "object" ? parseJson(piece.text, LIMITS.jsonDepth) : null;
      if (answer?.ok !== true || !isRecord(answer.value)) throw this.#failure("the answer is not of this protocol");
      return answer.value;
    }
  }

  async #segment(): Promise<Uint8Array> {
    try {
      const next = await this.#segments.next();
      if (next.done !== true) return next.value;
    } catch (thrown) {
      throw this.#failure(`the connection broke: ${messageOf(thrown)}`);
    }
    throw this.#failure("the connection ended without an answer");
  }
}
