/** When to stop: Ctrl-C, SIGTERM, a closed terminal, or the death of the process that started this one. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const LOOK_MS = 500;

/** Whoever sets this to its own pid says: end when I end. */
export const PARENT_VARIABLE = "QKD_PARENT_PID";

export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  // Not `once`: a second Ctrl-C must not end this process before it has ended the others.
  for (const signal of SIGNALS) process.on(signal, stop);
  const parent = Number(process.env[PARENT_VARIABLE]);
  // It is about this process alone, not about those it starts.
  delete process.env[PARENT_VARIABLE];
  if (parent > 0) {
    const timer = setInterval(() => {
      if (process.ppid !== parent) stop();
    }, LOOK_MS);
    timer.unref();
  }
  return controller.signal;
}
