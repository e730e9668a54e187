/** The processes of the example: two edges, the command line of each, and the devices of the link between them. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { StartFailure } from "../../scripts/start/failure.ts";
import { PARENT_VARIABLE } from "../../scripts/start/stop-signal.ts";
import { endAll } from "../end-all.ts";
import { startEdge } from "../start-edge.ts";

const PROJECT = join(import.meta.dirname, "..", "..");

export interface Operator {
  readonly edge: string;
  /** Of the deployment, with its tokens. */
  readonly state: string;
}

export class Processes {
  readonly #running: ChildProcess[] = [];

  /** `npm start`, until it is ready. */
  async edge(state: string, config: string): Promise<void> {
    const { child, ready } = startEdge(["--state", state, "--config", config, "--random-ports", "--no-agents"]);
    this.#running.push(child);
    await ready;
  }

  /** The two devices of the link: pushes the same to both edges for as long as it runs. */
  devices(one: Operator, two: Operator): void {
    const ends = [one, two].flatMap(({ edge, state }) => [edge, join(state, "tokens.json")]);
    const env = { ...process.env, [PARENT_VARIABLE]: String(process.pid) };
    const args = [join(import.meta.dirname, "devices.ts"), ...ends];
    this.#running.push(spawn(process.execPath, args, { cwd: PROJECT, env, stdio: ["ignore", "inherit", "inherit"] }));
  }

  /** Resolves when one of them has ended by itself. */
  async oneEnded(): Promise<void> {
    await Promise.race(this.#running.map(async (child) => await once(child, "exit")));
  }

  async end(): Promise<void> {
    await endAll(this.#running);
  }
}

/** `npm run qkd -- ...` as a deployment's operator. @returns what it prints */
export async function qkd({ edge, state }: Operator, ...argv: string[]): Promise<string> {
  const env = { ...process.env, QKD_EDGE: edge, QKD_TOKEN_FILE: join(state, "tokens.json") };
  const child = spawn(process.execPath, [join(PROJECT, "cli", "qkd.ts"), ...argv], {
    cwd: PROJECT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  if (code !== 0) throw new StartFailure(`qkd ${argv.join(" ")}: ${err}`);
  return out;
}
