/** The WebSocket of `/api/v1/streams`: GET_KEY is a credit, and a chunk that is pushed. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { SOCKET_END } from "../../../../shared/etsi004/socket.ts";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import type { RunningNetwork } from "../../../support/run-network.ts";
import { allBut, type Application, type Binding, type Got, NO_KEY, type OpenWish, type Party } from "../application.ts";
import { NativeApplication } from "./native.ts";

interface Pushed {
  readonly index: number;
  readonly Key_buffer: string;
  readonly Metadata: string;
}

const PUSHED = "pushed";

/** One socket; ends with the test. */
class Push {
  readonly #socket: WebSocket;
  readonly #opened: Promise<string | null>;
  readonly #ended: Promise<string>;

  constructor(url: string, token: string) {
    const socket = new WebSocket(url, { headers: { Authorization: `Bearer ${token}` }, perMessageDeflate: false });
    onTestFinished(() => socket.terminate());
    this.#socket = socket;
    this.#opened = Promise.race([
      once(socket, "open").then(() => null),
      once(socket, "unexpected-response").then(
        ([, response]: unknown[]) => `HTTP ${(response as IncomingMessage).statusCode}`,
      ),
    ]);
    this.#ended = new Promise((resolve) => socket.once("close", (code: number) => resolve(String(code))));
    socket.on("error", () => undefined);
  }

  async next(): Promise<Got> {
    const refused = await this.#opened;
    if (refused !== null) return { ...NO_KEY, word: refused };
    const message = new Promise<Pushed>((resolve) => {
      this.#socket.once("message", (data: Buffer) => resolve(JSON.parse(data.toString()) as Pushed));
    });
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ credits: 1 }));
    const first = await Promise.race([message, this.#ended]);
    if (typeof first === "string") return { ...NO_KEY, word: first };
    return {
      word: PUSHED,
      index: first.index,
      key: Buffer.from(first.Key_buffer, "base64").toString("hex"),
      metadata: first.Metadata === "" ? null : first.Metadata,
      neededSize: null,
    };
  }
}

class PushedApplication implements Application {
  readonly #network: RunningNetwork;
  readonly #sae: string;
  readonly #calls: NativeApplication;
  readonly #pushes = new Map<Ksid, Push>();

  constructor(network: RunningNetwork, self: Party, peer: Party) {
    this.#network = network;
    this.#sae = self.sae;
    this.#calls = new NativeApplication(network, self, peer);
  }

  async open(wish: OpenWish) {
    const opened = await this.#calls.open(wish);
    // Of the stream that had this KSID before.
    if (opened.ksid !== null) this.#pushes.delete(opened.ksid);
    return opened;
  }

  async getKey(ksid: Ksid): Promise<Got> {
    const { edge, tokens } = this.#network;
    const url = `${edge.replace("http", "ws")}/api/v1/streams/${ksid}/ws`;
    const push = this.#pushes.get(ksid) ?? new Push(url, tokens[this.#sae] ?? "");
    this.#pushes.set(ksid, push);
    return await push.next();
  }

  async close(ksid: Ksid): Promise<string> {
    return await this.#calls.close(ksid);
  }
}

const CANNOT: Binding["reasons"] = {
  "own-open": "a stream is opened and closed by the native calls",
  index: "what is pushed is the next chunk",
  "metadata-size": "the metadata comes whole with each chunk",
  refusal: "nothing is pushed until there is key: no message says so",
};

export const websocket: Binding = {
  name: "websocket",
  profile: "native",
  ...allBut(CANNOT),
  connect: (network, self, peer) => Promise.resolve(new PushedApplication(network, self, peer)),
  says(call, status) {
    if (call !== "get-key") return [String(STATUS[status])];
    if (status === "success") return [PUSHED];
    // Before the socket is open, and after.
    return status === "unknown-ksid" ? ["HTTP 404", String(SOCKET_END.closed.code)] : [];
  },
};
