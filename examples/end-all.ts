import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** Asks them to end, and waits until they have. */
export async function endAll(children: readonly ChildProcess[]): Promise<void> {
  const ended = children.map(async (child) => {
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  for (const child of children) child.kill("SIGTERM");
  await Promise.all(ended);
}
