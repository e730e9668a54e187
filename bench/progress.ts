/** Says what is being done, and how long the bench has taken so far. */
export function progress(what: string): void {
  console.log(`${String(Math.round(performance.now() / 1000)).padStart(4)} s  ${what}`);
}
