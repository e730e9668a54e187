/** A small request-and-answer protocol over TCP, one line of JSON each: what gRPC is to real devices. */
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";

export type Message = Readonly<Record<string, string | number>>;
export type Handler = (request: Message) => Message | Promise<Message>;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const addressOf = (text: string): Address => {
  const colon = text.lastIndexOf(":");
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
};
export const textOf = ({ host, port }: Address): string => `${host}:${port}`;

/** Answers requests, connection by connection in their order. @returns where it listens */
export async function serveCalls(host: string, handler: Handler): Promise<{ server: net.Server; address: Address }> {
  const server = net.createServer((socket) => {
    socket.on("error", () => socket.destroy());
    void answerAll(socket, handler).catch(() => socket.destroy());
  });
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as net.AddressInfo;
  return { server, address: { host, port } };
}

async function answerAll(socket: net.Socket, handler: Handler): Promise<void> {
  for await (const line of createInterface({ input: socket })) {
    socket.write(`${JSON.stringify(await handler(JSON.parse(line) as Message))}\n`);
  }
}

/** A connection on which requests are made, one after the other. */
export class Caller {
  readonly #socket: net.Socket;
  readonly #answers: AsyncIterator<string>;

  /** Rejects where nobody listens there, or the tunnel does not let it through. */
  static async to(address: Address): Promise<Caller> {
    const socket = net.connect(address);
    await once(socket, "connect");
    return new Caller(socket);
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    this.#answers = createInterface({ input: socket })[Symbol.asyncIterator]();
  }

  async call(request: Message): Promise<Message> {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error("the other side has closed the connection");
    return JSON.parse(value) as Message;
  }

  close(): void {
    this.#socket.destroy();
  }
}
