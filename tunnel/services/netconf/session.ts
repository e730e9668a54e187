/** One NETCONF session (RFC 6241): hellos, and requests that are answered in whatever order, each by its message-id. */
import type { Duplex } from "node:stream";
import { LIMITS } from "../../../shared/limits.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { capabilitiesOf, type Capabilities } from "./capabilities.ts";
import { failed, failure, type NetconfFailure } from "./failure.ts";
import { FrameReader, frameOf } from "./framing.ts";
import { readMessage, type RpcFault, type ServerMessage, type XmlNode } from "./messages.ts";

const NAMESPACE = "urn:ietf:params:xml:ns:netconf:base:1.0";
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>';
const HELLO = Buffer.from(
  `${DECLARATION}<hello xmlns="${NAMESPACE}"><capabilities>` +
    "<capability>urn:ietf:params:netconf:base:1.0</capability>" +
    "<capability>urn:ietf:params:netconf:base:1.1</capability></capabilities></hello>",
);

export interface Reply {
  /** None: `<ok/>`, or data. */
  readonly faults: readonly RpcFault[];
  readonly data: XmlNode | undefined;
}
export type RpcResult = Result<Reply, NetconfFailure>;

interface Waiting {
  readonly sinceMs: number;
  readonly timer: NodeJS.Timeout;
  readonly settle: (result: RpcResult) => void;
}

export interface SessionOptions {
  readonly timeoutMs: number;
  /** A whole `<notification>`. */
  readonly onNotification?: (xml: string) => void;
  readonly onAnswer?: (tookMs: number) => void;
  /** Breaks the connection below off. */
  readonly destroy: () => void;
}

export class NetconfSession {
  readonly #channel: Duplex;
  readonly #options: SessionOptions;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<string, Waiting>();
  readonly #hello = Promise.withResolvers<Result<Capabilities, NetconfFailure>>();
  readonly #ended = Promise.withResolvers<NetconfFailure>();
  /** On their way, and perhaps with key in them. */
  readonly #frames = new Set<Buffer>();
  #capabilities: Capabilities | null = null;
  #gone: NetconfFailure | null = null;
  #lastId = 0;

  /** Hellos are exchanged (8.1), within the time of one RPC. */
  static async open(channel: Duplex, options: SessionOptions): Promise<Result<NetconfSession, NetconfFailure>> {
    const session = new NetconfSession(channel, options);
    const timer = setTimeout(() => session.#end(failure("timed-out", "the host says no hello")), options.timeoutMs);
    const said = await session.#hello.promise;
    clearTimeout(timer);
    return said.ok ? ok(session) : said;
  }

  private constructor(channel: Duplex, options: SessionOptions) {
    this.#channel = channel;
    this.#options = options;
    channel.on("data", (bytes: Buffer) => this.#take(bytes));
    channel.on("error", () => this.#end(failure("closed", "the connection broke")));
    for (const event of ["end", "close"])
      channel.on(event, () => this.#end(failure("closed", "the host ended the session")));
    channel.write(frameOf("1.0", [HELLO]));
  }

  get capabilities(): Capabilities {
    if (this.#capabilities === null) throw new Error("no hello as yet");
    return this.#capabilities;
  }

  get isOpen(): boolean {
    return this.#gone === null;
  }

  /** Resolves when it is over, with why. */
  get ended(): Promise<NetconfFailure> {
    return this.#ended.promise;
  }

  /**
   * What is sent is wiped when it has gone; the parts stay the caller's. A session whose answer does not come in time is
   * ended: nobody knows what became of the request, and a new session can ask.
   */
  rpc(...body: readonly (string | Uint8Array)[]): Promise<RpcResult> {
    if (this.#gone !== null) return Promise.resolve({ ok: false, error: this.#gone });
    if (this.#waiting.size >= LIMITS.netconfPipelined)
      return Promise.resolve(failed("too-large", "too many requests wait for the host's answers"));
    const id = String(++this.#lastId);
    const { promise, resolve } = Promise.withResolvers<RpcResult>();
    const timer = setTimeout(() => this.#timedOut(), this.#options.timeoutMs);
    this.#waiting.set(id, { sinceMs: performance.now(), timer, settle: resolve });
    const start = `${DECLARATION}<nc:rpc xmlns:nc="${NAMESPACE}" message-id="${id}">`;
    const parts = [start, ...body, "</nc:rpc>"].map((part) => (typeof part === "string" ? Buffer.from(part) : part));
    const frame = frameOf(this.capabilities.version, parts);
    this.#frames.add(frame);
    this.#channel.write(frame, () => {
      frame.fill(0);
      this.#frames.delete(frame);
    });
    return promise;
  }

  /** `<close-session>` (7.8), if the host still listens. */
  async close(): Promise<void> {
    if (this.#gone === null && this.#capabilities !== null) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, LIMITS.netconfLeaveMs);
      await Promise.race([this.rpc("<nc:close-session/>"), late.promise]);
      clearTimeout(timer);
    }
    this.destroy();
  }

  destroy(reason = "closed by this end"): void {
    this.#end(failure("closed", reason));
  }

  #timedOut(): void {
    this.#end(failure("timed-out", `the host did not answer within ${this.#options.timeoutMs} ms`));
  }

  #take(bytes: Buffer): void {
    if (this.#gone !== null) return;
    this.#reader.push(bytes);
    while (this.#gone === null) {
      const frame = this.#reader.next();
      if (!frame.ok) return this.#broken(frame.error);
      if (frame.value === null) return;
      const message = readMessage(frame.value);
      if (!message.ok) return this.#broken(message.error);
      this.#receive(message.value);
    }
  }

  #receive(message: ServerMessage): void {
    if ((message.kind === "hello") !== (this.#capabilities === null)) return this.#broken("a hello out of its place");
    if (message.kind === "hello") this.#greet(message.capabilities);
    else if (message.kind === "notification") this.#options.onNotification?.(message.xml);
    else this.#answer(message);
  }

  #greet(announced: readonly string[]): void {
    const capabilities = capabilitiesOf(announced);
    if (capabilities === null) return this.#broken("a hello without a version of NETCONF");
    this.#capabilities = capabilities;
    this.#reader.switchTo(capabilities.version);
    this.#hello.resolve(ok(capabilities));
  }

  /** One that answers nothing is passed over; but an error that names no request may be about any of them (4.1). */
  #answer({ id, faults, data }: Extract<ServerMessage, { kind: "reply" }>): void {
    const waiting = id === null ? undefined : this.#waiting.get(id);
    if (id === null) return this.#broken("an answer without a message-id");
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    clearTimeout(waiting.timer);
    this.#options.onAnswer?.(performance.now() - waiting.sinceMs);
    waiting.settle(ok({ faults, data }));
  }

  #broken(what: string): void {
    this.#end(failure(this.#capabilities === null ? "no-netconf" : "closed", `the host sent ${what}`));
  }

  #end(reason: NetconfFailure): void {
    if (this.#gone !== null) return;
    this.#gone = reason;
    for (const { timer, settle } of this.#waiting.values()) {
      clearTimeout(timer);
      settle({ ok: false, error: reason });
    }
    this.#waiting.clear();
    this.#hello.resolve({ ok: false, error: reason });
    this.#options.destroy();
    for (const frame of this.#frames) frame.fill(0);
    this.#frames.clear();
    this.#ended.resolve(reason);
  }
}
