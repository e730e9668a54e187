/** A client of the hybridization module's JSON over TCP: one kept connection, one request at a time. */
import type { Socket } from "node:net";
import { JsonSplitter } from "../../../shared/etsi004/json-tcp/splitter.ts";
import { dial } from "../../tunnel/load/socket.ts";

export type JsonAnswer = Readonly<Record<string, unknown>>;

export class JsonClient {
  readonly #socket: Socket;
  readonly #splitter = new JsonSplitter();
  #asked: PromiseWithResolvers<JsonAnswer> | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (segment: Buffer) => this.#hear(segment));
    socket.once("close", () => this.#asked?.reject(new Error("the agent has hung up")));
  }

  static async connect(port: number): Promise<JsonClient> {
    return new JsonClient(await dial(port));
  }

  /** @returns whatever the answer is */
  async ask(command: string, data: object): Promise<JsonAnswer> {
    if (this.#socket.destroyed) throw new Error("the agent has hung up");
    const asked = Promise.withResolvers<JsonAnswer>();
    this.#asked = asked;
    this.#socket.write(JSON.stringify({ command, data }));
    return await asked.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(segment: Buffer): void {
    for (const piece of this.#splitter.push(segment)) {
      if (piece.kind === "object") this.#asked?.resolve(JSON.parse(piece.text) as JsonAnswer);
      else this.#asked?.reject(new Error("an answer that is no JSON object"));
    }
  }
}
