/** What goes wrong with nobody waiting for it, in the object's log. */
export function logFailure(what: string, error: unknown): void {
  // oxlint-disable-next-line no-console -- the object's log
  console.error(`${what}: ${error instanceof Error ? error.message : "failed"}`);
}
