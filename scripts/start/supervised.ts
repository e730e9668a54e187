/** A child process that is started again when it ends by itself: nothing else depends on it. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";

const FIRST_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 60_000;
/** A process that ran so long is started again as soon as the first time. */
const STABLE_MS = 60_000;

export interface SupervisedOptions {
  /** As messages call it. */
  readonly name: string;
  readonly spawn: () => ChildProcess;
  readonly onStarted: (pid: number) => void;
  readonly onEnded: (pid: number) => void;
  /** It has another pid than before. */
  readonly onRestarted: () => void;
  readonly say: (line: string) => void;
}

export class Supervised {
  readonly #options: SupervisedOptions;
  #child: ChildProcess | null = null;
  #restart: NodeJS.Timeout | undefined;
  #failures = 0;
  #stopping = false;

  constructor(options: SupervisedOptions) {
    this.#options = options;
    this.#start();
  }

  /** Null while it waits to be started again. */
  get pid(): number | null {
    return this.#child?.pid ?? null;
  }

  /** Resolves once it has ended: in order, or after `patienceMs` by force. */
  async stop(patienceMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGTERM");
    await Promise.race([ended, sleep(patienceMs, undefined, { ref: false })]);
    if (this.#child === child) child.kill("SIGKILL");
    await ended;
  }

  #start(): void {
    const { spawn, onStarted, onEnded } = this.#options;
    const child = spawn();
    const sinceMs = performance.now();
    const { pid } = child;
    this.#child = child;
    // "close" comes after either; without a process there is no "exit".
    let reason = "it cannot be run";
    child.once("error", (error) => (reason = error.message));
    child.once("exit", (code, signal) => (reason = signal ?? `code ${code}`));
    child.once("close", () => {
      this.#child = null;
      if (pid !== undefined) onEnded(pid);
      if (!this.#stopping) this.#startAgain(reason, performance.now() - sinceMs);
    });
    if (pid !== undefined) onStarted(pid);
  }

  #startAgain(reason: string, ranMs: number): void {
    if (ranMs >= STABLE_MS) this.#failures = 0;
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 30));
    this.#options.say(`note: ${this.#options.name} ended (${reason}): it is started again in ${pauseMs / 1000} s`);
    this.#restart = setTimeout(() => {
      this.#start();
      this.#options.onRestarted();
    }, pauseMs);
  }
}
