/** One connection to a listener of the hybridization module's protocol: JSON objects over TCP, one answer a request. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { parseJson } from "../../shared/bytes/json.ts";
import { JsonSplitter } from "../../shared/etsi004/json-tcp/splitter.ts";
import { LIMITS } from "../../shared/limits.ts";
import { CliFailure } from "../lib/failure.ts";
import { isRecord } from "../lib/settings.ts";

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:65430`, `[::1]:65430`, `agent.lan:65430`; null for anything else. */
export function parseAddress(text: string): Address | null {
  const parts = /^(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^:/\s[\]]+)):(?<port>[0-9]{1,5})$/i.exec(text)?.groups;
  if (parts === undefined) return null;
  const port = Number(parts["port"]);
  return port >= 1 && port <= 65_535 ? { host: parts["v6"] ?? parts["name"] ?? "", port } : null;
}

export class JsonTcpConnection {
  readonly #socket: Socket;
  readonly #segments: AsyncIterator<Uint8Array, undefined>;
  readonly #splitter = new JsonSplitter();

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#segments = socket[Symbol.asyncIterator]();
  }

  /** @throws CliFailure with the system's reason */
  static async open(address: Address): Promise<JsonTcpConnection> {
    const socket = connect(address);
    socket.setTimeout(LIMITS.clientTimeoutMs, () => socket.destroy(new Error("no answer in time")));
    // `once` rejects where somebody waits; a connection that fails between two requests is noticed by the next.
    socket.on("error", () => undefined);
    try {
      await once(socket, "connect");
    } catch (error) {
      throw new CliFailure(`cannot reach ${address.host}:${address.port}: ${messageOf(error)}`);
    }
    return new JsonTcpConnection(socket);
  }

  /** @returns the answer's members. @throws CliFailure for an answer that is not status 0, or none */
  async ask(request: unknown): Promise<Readonly<Record<string, unknown>>> {
    this.#socket.write(JSON.stringify(request));
    const answer = await this.#answer();
    if (answer["status"] === 0) return answer;
    const { status, message } = answer;
    throw new CliFailure(`${typeof message === "string" ? message : "refused"} (status ${String(status)})`);
  }

  end(): void {
    this.#socket.destroy();
  }

  async #answer(): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const segment = await this.#segment();
      const [piece] = this.#splitter.push(segment);
      segment.fill(0);
      if (piece === undefined) continue;
      // Its faults do not quote what they are about.
      const answer = piece.kind === "object" ? parseJson(piece.text, LIMITS.jsonDepth) : null;
      if (answer?.ok !== true || !isRecord(answer.value)) throw new CliFailure("the answer is not of this protocol");
      return answer.value;
    }
  }

  async #segment(): Promise<Uint8Array> {
    try {
      const next = await this.#segments.next();
      if (next.done !== true) return next.value;
    } catch (error) {
      throw new CliFailure(`the connection broke: ${messageOf(error)}`);
    }
    throw new CliFailure("the connection ended without an answer");
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
