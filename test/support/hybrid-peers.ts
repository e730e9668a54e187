/** For tests: agents whose engine of hybrid keys writes down what it hears, and says what the test has it say. */
import { randomUUID } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import type net from "node:net";
import type { PeerMessage } from "../../shared/hybrid/peer/messages.ts";
import { CODES } from "../../shared/mux/codes.ts";
import type { Result } from "../../shared/result.ts";
import type { Authority } from "../../pki/authority.ts";
import { FrameReader, frameHead } from "../../tunnel/frames.ts";
import type { AgentConfigInput } from "../../tunnel/agent/config/schema.ts";
import type { PeerConnection } from "../../tunnel/services/hybrid/channel/types.ts";
import type { Engine, EngineParts } from "../../tunnel/services/hybrid/engine-types.ts";
import { named, siteCertificate } from "./site-certificate.ts";
import { connectTo, QUICK, type RunningAgent, startAgent } from "./tunnel-agent.ts";
import type { TestHub } from "./tunnel-hub.ts";

/** What comes, one after the other, to whoever waits for it. */
class Queue<T> {
  readonly #here: T[] = [];
  readonly #waiting: ((item: T) => void)[] = [];

  put(item: T): void {
    const first = this.#waiting.shift();
    if (first === undefined) this.#here.push(item);
    else first(item);
  }

  next(): Promise<T> {
    const first = this.#here.shift();
    if (first !== undefined) return Promise.resolve(first);
    const { promise, resolve } = Promise.withResolvers<T>();
    this.#waiting.push(resolve);
    return promise;
  }
}

const AWAY = [CODES["link-lost"].words, CODES["peer-gone"].words];

export class HearingEngine implements Engine {
  readonly heard = new Queue<{ readonly from: PeerConnection; readonly message: PeerMessage }>();
  readonly ended = new Queue<{ readonly connection: PeerConnection; readonly reason: string }>();
  /** No application asks it for anything. */
  readonly streams: Engine["streams"] = {
    open: () => Promise.reject(new Error("nobody asks for streams here")),
    sessionOf: () => null,
    closeSession: () => undefined,
  };
  readonly parts: EngineParts;

  constructor(parts: EngineParts) {
    this.parts = parts;
  }

  message(from: PeerConnection, message: PeerMessage): void {
    this.heard.put({ from, message });
  }

  closed(connection: PeerConnection, reason: string): void {
    this.ended.put({ connection, reason });
  }

  close(): void {
    // Nothing is open.
  }

  async reach(site: string, signal?: AbortSignal): Promise<Result<PeerConnection, string>> {
    return await this.parts.channel.reach(site, signal ?? new AbortController().signal);
  }

  /** As often as it takes: the tests' hub sends peers away once more when the owner comes. @throws Error for any other reason */
  async reached(site: string): Promise<PeerConnection> {
    for (;;) {
      const reached = await this.reach(site);
      if (reached.ok) return reached.value;
      if (!AWAY.some((words) => reached.error.startsWith(words))) throw new Error(reached.error);
      await turn();
    }
  }
}

export interface PeerAgent extends RunningAgent {
  readonly engine: HearingEngine;
}

const UUIDS: Readonly<Record<string, string>> = {
  "site-a": "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  "site-b": "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
  "site-c": "cccccccc-cccc-cccc-cccc-cccccccccccc",
};
const uuidOf = (site: string): string => UUIDS[site] ?? "";

export interface PeerSite {
  readonly site: string;
  readonly peers: readonly string[];
  readonly ca: Authority;
  /** Whose certificate it shows; its own where absent. */
  readonly as?: string;
  readonly more?: Partial<AgentConfigInput>;
}

/** Its links may not be up yet. */
export async function startPeer(hub: TestHub, { site, peers, ca, as = site, more }: PeerSite): Promise<PeerAgent> {
  const made = Promise.withResolvers<HearingEngine>();
  const makeEngine = (parts: EngineParts): HearingEngine => {
    const engine = new HearingEngine(parts);
    made.resolve(engine);
    return engine;
  };
  const config: Partial<AgentConfigInput> = {
    certificate: await siteCertificate(ca, named(as)),
    hybrid: {
      node: [{ id: `node-of-${site}`, uuid: uuidOf(site) }],
      peer: peers.map((peer) => ({ uuid: uuidOf(peer), site: peer })),
    },
    ...more,
  };
  const agent = await startAgent(hub, site, config, QUICK, { makeEngine });
  return { ...agent, engine: await made.promise };
}

/** Any message, told by its index. */
export const wanting = (index: number): PeerMessage => ({ type: "want", session: randomUUID(), index });

export const framed = (bytes: Uint8Array | string): Buffer => {
  const message = Buffer.from(bytes);
  return Buffer.concat([frameHead(message), message]);
};

/** A connection to a port of this machine whose frames the test writes by itself. */
export class RawPeer {
  readonly frames = new Queue<string>();
  /** In order or not. */
  readonly closed: Promise<void>;
  readonly socket: net.Socket;

  static async connect(port: number): Promise<RawPeer> {
    return new RawPeer(await connectTo(port));
  }

  private constructor(socket: net.Socket) {
    this.socket = socket;
    const reader = new FrameReader(64 * 1024 * 1024);
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => {
      for (const frame of reader.push(chunk)) this.frames.put(Buffer.from(frame).toString());
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    for (const event of ["end", "close"]) socket.once(event, () => resolve());
  }

  say(...messages: readonly (Uint8Array | string)[]): void {
    this.socket.write(Buffer.concat(messages.map((message) => framed(message))));
  }
}
