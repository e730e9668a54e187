/** Programs of the packages: wrangler, the type checker, the linter, the test runner. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { PROJECT } from "./paths.ts";

export const tool = (name: string): string => join(PROJECT, "node_modules", ".bin", name);

/** What wrangler is told by environment: to keep to itself. */
const WRANGLER_ENV = { WRANGLER_SEND_METRICS: "false" } as const;

/** Wrangler and the others are scripts that look for `node`: they shall find this one, not the system's. */
export const toolEnvironment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...WRANGLER_ENV,
  PATH: `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
});

export interface Ran {
  /** 128 and the signal's number, as shells count, where a signal ended it. */
  readonly code: number;
  /** What it printed, if it was not shown. */
  readonly output: string;
}

const MAX_OUTPUT_CHARS = 200_000;

/** Runs a program to its end, showing what it prints or keeping it. `stop` ends it with SIGTERM. */
export function runTool(program: string, args: readonly string[], stop: AbortSignal, show: boolean): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: PROJECT,
      env: toolEnvironment(),
      stdio: show ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-MAX_OUTPUT_CHARS)));
    }
    const end = (): void => void child.kill("SIGTERM");
    stop.addEventListener("abort", end);
    child.on("error", reject);
    child.on("close", (code) => {
      stop.removeEventListener("abort", end);
      resolve({ code: code ?? 143, output });
    });
    if (stop.aborted) end();
  });
}
