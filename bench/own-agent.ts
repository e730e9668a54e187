/** A site agent at a bench's own edge, in a folder of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { OwnEdge } from "./own-edge.ts";
import { end } from "./processes/child.ts";
import { endsWithThis } from "./tunnel/paths/guard.ts";
import { Output } from "./tunnel/paths/output.ts";

const AGENT = join(import.meta.dirname, "..", "tunnel", "main.ts");
const ATTEMPTS = 300;
const RETRY_MS = 100;

export interface AgentPlan {
  readonly site: string;
  /** Name of its enrolment token, which is put into the file `token`. */
  readonly enrolsWith: string;
  /** `agent.toml` and whatever else it names, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** On which it is to listen. */
  readonly port: number;
}

export interface OwnAgent {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Resolves once it listens. @throws Error with what it says instead */
export async function startOwnAgent(edge: OwnEdge, { site, enrolsWith, files, port }: AgentPlan): Promise<OwnAgent> {
  const folder = join(edge.root, `agent-${site}`);
  mkdirSync(folder, { mode: 0o700 });
  const all = { ...files, token: edge.tokens[enrolsWith] ?? "" };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  const child = spawn(process.execPath, [AGENT, "run", join(folder, "agent.toml")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = new Output(`the agent of ${site}`, child);
  endsWithThis(child);
  await untilListening(port, output, child);
  return { pid: child.pid ?? 0, stop: () => end(child) };
}

async function untilListening(port: number, output: Output, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS && !output.ended; attempt++) {
    if (await isListening(port)) return;
    await sleep(RETRY_MS);
  }
  await end(child);
  throw new Error(`nobody listens on port ${port}: ${output.text}`);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1");
    const settle = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", () => settle(true)).once("error", () => settle(false));
  });
}
