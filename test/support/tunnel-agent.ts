/** For tests: agents of sites at a test hub, and the log lines they write. */
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { Agent } from "../../tunnel/agent/agent.ts";
import { checkConfig } from "../../tunnel/agent/config/load.ts";
import type { AgentConfigInput } from "../../tunnel/agent/config/schema.ts";
import { LINK_TIMES, type LinkTimes } from "../../tunnel/agent/link/times.ts";
import type { AgentOptions } from "../../tunnel/agent/links.ts";
import type { Log, LogFields } from "../../tunnel/log.ts";
import { listenLocally } from "./listen-locally.ts";
import { TestHub, type TestHubOptions } from "./tunnel-hub.ts";

/** Removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), "qkd-agent-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export class Lines {
  readonly all: { readonly level: string; readonly message: string; readonly fields: LogFields }[] = [];
  readonly #listeners = new Set<() => void>();
  readonly log: Log = (level, message, fields = {}) => {
    this.all.push({ level, message, fields });
    for (const listener of this.#listeners) listener();
  };

  /** The first line whose message, or a field of it, contains the words; waits for it. */
  async seen(words: string): Promise<Lines["all"][number]> {
    for (;;) {
      const line = this.all.find((each) => JSON.stringify(each).includes(words));
      if (line !== undefined) return line;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#listeners.add(resolve);
      await promise;
      this.#listeners.delete(resolve);
    }
  }

  count(words: string): number {
    return this.all.filter((each) => JSON.stringify(each).includes(words)).length;
  }
}

export async function startHub(options: TestHubOptions = {}, port = 0): Promise<TestHub> {
  const hub = await TestHub.start(options, port);
  onTestFinished(() => hub.close());
  return hub;
}

export function tokenFile(token: string, mode = 0o600): string {
  const file = path.join(temporaryFolder(), "token");
  writeFileSync(file, `${token}\n`);
  chmodSync(file, mode);
  return file;
}

export const QUICK: LinkTimes = { ...LINK_TIMES, backoffMs: 5, backoffMaxMs: 50, leaveMs: 500 };

export interface RunningAgent {
  readonly agent: Agent;
  readonly lines: Lines;
  /** Every link was up. */
  readonly ready: Promise<void>;
  readonly state: string;
  readonly stop: () => Promise<void>;
}

/** Runs until the test is over. Without a token file it gets a good one. */
export async function startAgent(
  hub: Pick<TestHub, "url" | "token">,
  site: string,
  config: Partial<AgentConfigInput>,
  times: LinkTimes = QUICK,
  more: Pick<AgentOptions, "makeEngine"> = {},
): Promise<RunningAgent> {
  const lines = new Lines();
  const { promise: ready, resolve: onReady } = Promise.withResolvers<void>();
  const state = config.state ?? temporaryFolder();
  const checked = checkConfig({
    edge: config.edge ?? hub.url,
    site,
    token_file: config.token_file ?? tokenFile(hub.token(site)),
    ...config,
  });
  const agent = await Agent.start({ settings: { ...checked, state }, log: lines.log, times, onReady, ...more });
  const ended = new AbortController();
  const run = agent.run(ended.signal);
  const stop = async (): Promise<void> => {
    ended.abort();
    await run;
  };
  onTestFinished(stop);
  return { agent, lines, ready, state, stop };
}

/** A TCP server of the test's own. @returns its port */
export async function serve(onConnection: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  onTestFinished(() => {
    server.close();
  });
  return await listenLocally(server);
}

export async function connectTo(port: number): Promise<net.Socket> {
  const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Connects to what is refused: resolves with the error's code, which may come before or after the connection. */
export async function brokenOff(port: number): Promise<string | undefined> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  return error.code;
}

/** All that comes until the end. Rejects where the connection breaks. */
export async function readToEnd(socket: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.once("end", resolve);
  socket.once("error", reject);
  socket.resume();
  await promise;
  return Buffer.concat(chunks);
}
