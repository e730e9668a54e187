/**
 * `-f`: the agent runs in a process of its own from the start, whose lines this one passes on until it has connected.
 * Should this one end before, that one does too.
 */
import { type ChildProcess, spawn } from "node:child_process";

export type FromBackground =
  | { readonly type: "line"; readonly stream: "stdout" | "stderr"; readonly text: string }
  | { readonly type: "ready" };

/** Tells a process that it is the one in the background. */
export const BACKGROUND_ENV = "QKD_AGENT_IN_BACKGROUND";

/** @returns the exit code: 0 once it runs in the background, else that of the agent */
export function startInBackground(argv: readonly string[], logFile: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, ...argv], {
    detached: true,
    env: { ...process.env, [BACKGROUND_ENV]: "1" },
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => child.kill(signal));
  child.once("error", (error) => {
    process.stderr.write(`qkd-agent: cannot go to the background: ${error.message}\n`);
    resolve(1);
  });
  child.once("exit", (code) => resolve(code === 0 ? 1 : (code ?? 1))); // it should have stayed
  child.on("message", (message: FromBackground) => {
    if (message.type === "line") process[message.stream].write(`${message.text}\n`);
    else {
      process.stdout.write(`qkd-agent: process ${child.pid}, log in ${logFile}\n`);
      child.disconnect();
      child.unref();
      resolve(0);
    }
  });
  return promise;
}
