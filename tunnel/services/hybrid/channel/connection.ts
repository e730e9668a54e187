/** One connection between two agents: messages as frames, each way, over a stream that both have proved themselves on. */
import type { Duplex } from "node:stream";
import { decodeUtf8 } from "../../../../shared/bytes/json.ts";
import { isPeerHello, PEER_HELLO } from "../../../../shared/hybrid/peer/hello.ts";
import { parsePeerMessage, type PeerMessage, peerMessageText } from "../../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { FrameFault, frameHead, FrameReader } from "../../../frames.ts";
import { type Log, messageOf } from "../../../log.ts";
import type { PeerConnection, PeerEvents } from "./types.ts";

/** What nobody waits for goes with the next message, or alone after so long: a message of its own costs the hub as much. */
const COMPANY_MS = 5;

export interface FramedOptions {
  readonly site: string;
  readonly dialled: boolean;
  readonly socket: Duplex;
  readonly events: PeerEvents;
  readonly log: Log;
  /** Called once, before `events.closed`. */
  readonly onEnd: () => void;
}

export class FramedConnection implements PeerConnection {
  readonly site: string;
  readonly dialled: boolean;
  /** The other end has said its hello; false: it ended before. */
  readonly greeted: Promise<boolean>;
  readonly #options: FramedOptions;
  readonly #socket: Duplex;
  readonly #frames = new FrameReader(LIMITS.hybridMessageBytes);
  readonly #greet: (isThere: boolean) => void;
  readonly #impatient: NodeJS.Timeout;
  /** Frames that nobody waits for. */
  #unhurried: Buffer[] = [];
  #company: NodeJS.Timeout | undefined;
  #isGreeted = false;
  #endedBy: string | null = null;

  constructor(options: FramedOptions) {
    const { site, dialled, socket } = options;
    this.site = site;
    this.dialled = dialled;
    this.#options = options;
    this.#socket = socket;
    const greeting = Promise.withResolvers<boolean>();
    this.greeted = greeting.promise;
    this.#greet = greeting.resolve;
    this.#impatient = setTimeout(() => this.hangUp("it says no hello"), LIMITS.hybridExchangeMs);
  }

  /** Says hello, and hears from then on. */
  begin(): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.once("end", () => this.#end("info", "the other agent has ended it"));
    socket.on("error", (error) => this.#end("warn", messageOf(error)));
    socket.once("close", () => this.#end("info", "it was broken off"));
    if (socket.destroyed) this.#end("info", "it was broken off");
    else this.#write(Buffer.from(PEER_HELLO));
  }

  /** Why nothing comes over it any more; null while it is open. */
  get endedBy(): string | null {
    return this.#endedBy;
  }

  hasRoom(): boolean {
    return this.#socket.writableLength <= LIMITS.hybridUnsentBytes / 2;
  }

  send(message: PeerMessage): void {
    if (this.#endedBy !== null) return;
    const bytes = Buffer.from(peerMessageText(message));
    // The other end would not read it: whoever composed it has to know the bound.
    if (bytes.length > LIMITS.hybridMessageBytes) this.hangUp(`a message of ${bytes.length} bytes would be too large`);
    else if (message.type === "close") this.#leave(bytes);
    else this.#write(bytes);
  }

  hangUp(reason: string): void {
    this.#end("warn", reason);
  }

  /** In order: what has been said still goes. */
  end(): void {
    if (this.#endedBy !== null) return;
    this.#write();
    this.#finish("debug", "this agent ends", () => this.#socket.end());
  }

  #leave(bytes: Buffer): void {
    this.#unhurried.push(bytes);
    this.#company ??= setTimeout(() => this.#write(), COMPANY_MS);
  }

  /** In the order in which they were sent: what was not hurried goes first. */
  #write(...hurried: readonly Buffer[]): void {
    const socket = this.#socket;
    clearTimeout(this.#company);
    this.#company = undefined;
    const frames = [...this.#unhurried, ...hurried];
    this.#unhurried = [];
    socket.cork();
    for (const bytes of frames) {
      socket.write(frameHead(bytes));
      socket.write(bytes);
    }
    socket.uncork();
    if (socket.writableLength > LIMITS.hybridUnsentBytes) this.hangUp("the other agent reads nothing");
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        // Whoever hears a message may hang up.
        if (this.#endedBy !== null) return;
        this.#hear(frame);
      }
    } catch (thrown) {
      if (!(thrown instanceof FrameFault)) throw thrown;
      this.hangUp(thrown.message);
    }
  }

  #hear(frame: Uint8Array): void {
    const text = decodeUtf8(frame);
    if (!this.#isGreeted) {
      if (text.ok && isPeerHello(text.value)) this.#greetedNow();
      else this.hangUp("the other agent does not speak this version");
      return;
    }
    const message = text.ok ? parsePeerMessage(text.value) : null;
    if (message === null) this.hangUp(`${frame.length} bytes came that are no message`);
    else this.#options.events.message(this, message);
  }

  #greetedNow(): void {
    clearTimeout(this.#impatient);
    this.#isGreeted = true;
    const { site, dialled, log } = this.#options;
    log("info", "connected to the other agent", { site, dialled });
    this.#greet(true);
  }

  #end(level: "info" | "warn", reason: string): void {
    if (this.#endedBy === null) this.#finish(level, reason, () => this.#socket.destroy());
  }

  #finish(level: "debug" | "info" | "warn", reason: string, leave: () => void): void {
    this.#endedBy = reason;
    clearTimeout(this.#impatient);
    clearTimeout(this.#company);
    leave();
    const { site, dialled, events, log, onEnd } = this.#options;
    log(level, "connection to the other agent ended", { site, dialled, reason });
    onEnd();
    this.#greet(false);
    // Not while whoever hung up is still at it. Who never said hello has not been heard of.
    if (this.#isGreeted) queueMicrotask(() => events.closed(this, reason));
  }
}
