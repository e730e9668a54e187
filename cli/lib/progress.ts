/** How far long work is: a bar on a terminal, a line now and then elsewhere. One way for all commands. */
import type { Terminal } from "./terminal.ts";
import { formatBytes, formatCount } from "./text.ts";

/** What is counted, as text: bytes, or things. */
export type Measure = (amount: number) => string;
export const BYTES: Measure = formatBytes;
export const THINGS: Measure = formatCount;

export interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
  readonly measure: Measure;
}

/** A progress bar of at most `columns` characters: `key.cor [#####-----]  50% 100.0 KiB/200.0 KiB 1.2 MiB/s`. */
export function renderProgress({ label: whole, done, total, elapsedMs, measure }: Progress, columns: number): string {
  const share = total === 0 ? 1 : Math.min(1, done / total);
  const rate = elapsedMs > 0 ? ` ${measure(Math.round((done / elapsedMs) * 1000))}/s` : "";
  const percent = Math.floor(share * 100)
    .toString()
    .padStart(3);
  const figures = `${percent}% ${measure(done)}/${measure(total)}${rate}`;
  const labelWidth = Math.max(8, Math.min(whole.length, columns - figures.length - 24));
  const label = whole.length <= labelWidth ? whole : `${whole.slice(0, Math.max(1, labelWidth - 1))}…`;
  const barWidth = Math.min(40, columns - label.length - figures.length - 4);
  if (barWidth < 4) return `${label} ${figures}`.slice(0, Math.max(0, columns));
  const filled = Math.floor(share * barWidth);
  return `${label} [${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${figures}`;
}

const PLAIN_INTERVAL_MS = 2000;
const PLAIN_COLUMNS = 80;

/** Draws a bar on a terminal; elsewhere prints a line every two seconds. @returns to be told how much is done */
export function progressReporter(
  terminal: Terminal,
  { label, total, measure }: Pick<Progress, "label" | "total" | "measure">,
): (done: number) => void {
  const startMs = performance.now();
  let lastMs = startMs;
  return (done) => {
    const nowMs = performance.now();
    const progress = { label, done, total, elapsedMs: nowMs - startMs, measure };
    if (terminal.live) terminal.redraw(renderProgress(progress, terminal.columns - 1));
    else if (nowMs - lastMs >= PLAIN_INTERVAL_MS && done < total) {
      terminal.note(renderProgress(progress, PLAIN_COLUMNS));
      lastMs = nowMs;
    }
  };
}
