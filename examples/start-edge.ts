import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { StartFailure } from "../scripts/start/failure.ts";
import { PARENT_VARIABLE } from "../scripts/start/stop-signal.ts";

const PROJECT = join(import.meta.dirname, "..");
const READY = /^qkd-edge ready/m;
const LINES_TOLD = 20;

export interface StartedEdge {
  readonly child: ChildProcess;
  /** Rejects with what it printed last, where it ends before. */
  readonly ready: Promise<void>;
}

/** `npm start` with these arguments. It ends when this process does. */
export function startEdge(args: readonly string[]): StartedEdge {
  const env = { ...process.env, [PARENT_VARIABLE]: String(process.pid) };
  const child = spawn(process.execPath, [join(PROJECT, "scripts", "start.ts"), ...args], {
    cwd: PROJECT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed: string[] = [];
  const ready = new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        printed.push(chunk.toString());
        if (READY.test(printed.join(""))) resolve();
        else if (printed.length > LINES_TOLD) printed.shift();
      });
    }
    child.once("exit", () => reject(new StartFailure(`an edge has ended: ${printed.join("")}`)));
  });
  return { child, ready };
}
