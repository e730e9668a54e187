/** A bench that is interrupted leaves nothing running: neither SIGINT nor SIGTERM run what stands in `finally`. */
import type { ChildProcess } from "node:child_process";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const FAILED = 1;

const atExit = new Set<() => void>();
let isWatching = false;

/** @returns a function that calls it off */
export function whenInterrupted(work: () => void): () => void {
  if (!isWatching) {
    isWatching = true;
    for (const signal of SIGNALS) process.once(signal, () => process.exit(FAILED));
    process.once("exit", () => {
      for (const each of atExit) each();
    });
  }
  atExit.add(work);
  return () => atExit.delete(work);
}

/** Programs that do not notice by themselves that whoever started them is gone. */
export function endsWithThis(child: ChildProcess): ChildProcess {
  const done = whenInterrupted(() => {
    child.kill("SIGTERM");
    child.kill("SIGCONT"); // the memory's part stops agents
  });
  child.once("exit", done);
  return child;
}
