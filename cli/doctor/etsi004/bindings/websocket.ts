/** The WebSocket of `/api/v1/streams`: GET_KEY is a credit, and a chunk that is pushed. */
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import { SOCKET_END } from "../../../../shared/etsi004/socket.ts";
import { STATUS } from "../../../../shared/etsi004/status.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import {
  allBut,
  type Application,
  type Binding,
  type Got,
  NO_KEY,
  type OpenWish,
  type Party,
  type Said,
  saidCode,
} from "../application.ts";
import { parsed, type Reach } from "../reach.ts";
import { NativeApplication, STREAMS } from "./native.ts";

interface Pushed {
  readonly index: number;
  readonly Key_buffer: string;
  readonly Metadata: string;
}

const PUSHED = saidCode("pushed");
const CREDIT = JSON.stringify({ credits: 1 });

/** One socket. */
class Push {
  readonly #reach: Reach;
  readonly #socket: WebSocket;
  readonly #opened: Promise<string | null>;
  readonly #ended: Promise<string>;

  constructor(reach: Reach, ksid: Ksid) {
    const socket = reach.webSocket(`${STREAMS}/${ksid}/ws`);
    this.#reach = reach;
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
    if (refused !== null) return this.#without(refused);
    const message = new Promise<Buffer>((resolve) => {
      this.#socket.once("message", (data: Buffer) => resolve(data));
    });
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(CREDIT);
    const first = await Promise.race([message, this.#ended]);
    if (typeof first === "string") return this.#without(first);
    const pushed = parsed(first.toString()) as Pushed | null | undefined;
    this.#reach.learn(pushed);
    this.#reach.told(CREDIT, first.toString());
    if (typeof pushed?.Key_buffer !== "string") throw new Error("what is pushed has no Key_buffer");
    const { index, Key_buffer: key, Metadata: metadata } = pushed;
    return {
      said: PUSHED,
      index,
      key: Buffer.from(key, "base64").toString("hex"),
      metadata: metadata === "" ? null : metadata,
      neededSize: null,
    };
  }

  end(): void {
    this.#socket.terminate();
  }

  #without(code: string): Got {
    this.#reach.told(CREDIT, `(the WebSocket ends: ${code})`);
    return { ...NO_KEY, said: saidCode(code) };
  }
}

class PushedApplication implements Application {
  readonly #reach: Reach;
  readonly #calls: NativeApplication;
  readonly #pushes = new Map<Ksid, Push>();

  constructor(self: Party, peer: Party) {
    this.#reach = self.reach;
    this.#calls = new NativeApplication(self, peer);
  }

  async open(wish: OpenWish) {
    const opened = await this.#calls.open(wish);
    // Of the stream that had this KSID before.
    if (opened.ksid !== null) this.#forget(opened.ksid);
    return opened;
  }

  async getKey(ksid: Ksid): Promise<Got> {
    const push = this.#pushes.get(ksid) ?? new Push(this.#reach, ksid);
    this.#pushes.set(ksid, push);
    return await push.next();
  }

  async close(ksid: Ksid): Promise<Said> {
    return await this.#calls.close(ksid);
  }

  end(): void {
    for (const ksid of this.#pushes.keys()) this.#forget(ksid);
  }

  #forget(ksid: Ksid): void {
    this.#pushes.get(ksid)?.end();
    this.#pushes.delete(ksid);
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
  connect: (self, peer) => Promise.resolve(new PushedApplication(self, peer)),
  says(call, status) {
    if (call !== "get-key") return [saidCode(STATUS[status])];
    if (status === "success") return [PUSHED];
    // Before the socket is open, and after.
    return status === "unknown-ksid" ? ["HTTP 404", String(SOCKET_END.closed.code)].map(saidCode) : [];
  },
};
