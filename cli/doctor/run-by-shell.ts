/** Commands of the user's, run by the shell in a process group of their own: ended with the case, and all that they started with them. */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { LIMITS } from "../../shared/limits.ts";

export interface ShellRun {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  readonly signal: AbortSignal;
  /** Takes its output. */
  readonly started?: (child: ChildProcess) => void;
}

/** How it ended: a code, or the signal that ended it. */
export interface ShellEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const INTERRUPTS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Does that before a signal ends this program, which it then does. @returns what takes it back */
export function whenInterrupted(work: () => void): () => void {
  const interrupted = (name: NodeJS.Signals): void => {
    forget();
    work();
    process.kill(process.pid, name);
  };
  const forget = (): void => {
    for (const name of INTERRUPTS) process.off(name, interrupted);
  };
  for (const name of INTERRUPTS) process.on(name, interrupted);
  return forget;
}

/** Once the shell has ended; what the signal ends is asked to, and then made to. @throws what it could not be started with */
export async function runByShell(command: string, { signal, started, ...options }: ShellRun): Promise<ShellEnd> {
  const child = spawn(command, { ...options, shell: true, detached: true });
  const killers: NodeJS.Timeout[] = [];
  const end = (): void => {
    killGroup(child, "SIGTERM");
    killers.push(setTimeout(() => killGroup(child, "SIGKILL"), LIMITS.doctorKillMs));
  };
  // What comes to this program's group, as by Ctrl-C, does not come to the command's.
  const forget = whenInterrupted(() => killGroup(child, "SIGTERM"));
  if (signal.aborted) end();
  else signal.addEventListener("abort", end, { once: true });
  try {
    const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
    started?.(child);
    const [code, by] = await exit;
    // The shell is gone; what it has started may not be.
    if (signal.aborted) killGroup(child, "SIGKILL");
    return { code, signal: by };
  } finally {
    signal.removeEventListener("abort", end);
    forget();
    for (const killer of killers) clearTimeout(killer);
  }
}

/** The shell and all that it started, as far as it is still there. */
export function killGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It is gone.
  }
}

/**
 * What only hands can do to a key manager.
 * @param option which option names it
 * @returns what runs it; rejects when it ends with another code than 0, is broken off by the signal, or takes too long
 */
export const byShell =
  (option: string, command: string, cwd: string) =>
  async (broken: AbortSignal = new AbortController().signal): Promise<void> => {
    const signal = AbortSignal.any([broken, AbortSignal.timeout(LIMITS.doctorCommandMs)]);
    const ended = await runByShell(command, { cwd, stdio: ["ignore", "ignore", "inherit"], signal });
    if (signal.aborted) throw new Error(`--${option} was ended: it took too long`);
    if (ended.code !== 0) throw new Error(`--${option} ended with code ${ended.code ?? ended.signal}`);
  };
