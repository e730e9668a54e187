/** Plain-text rendering: tables, sizes, progress. Pure. */

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `204800` -> `200.0 KiB`; whole bytes below 1 KiB. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `1638400` -> `1,638,400`. */
export const formatCount = (count: number): string => count.toLocaleString("en-GB");

/** `1 key`, `2 keys`. */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

/** Columns aligned by their widest cell; columns of `rightAligned` (by heading) flush right. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: ReadonlySet<string> = new Set(),
): string[] {
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  return [headings, ...rows].map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return rightAligned.has(headings[column] ?? "") ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

export interface Progress {
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  readonly elapsedMs: number;
}

/** A progress bar of at most `columns` characters: `key.cor [#####-----]  50% 100.0 KiB/200.0 KiB 1.2 MiB/s`. */
export function renderProgress(progress: Progress, columns: number): string {
  const { doneBytes, totalBytes, elapsedMs } = progress;
  const share = totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
  const rate = elapsedMs > 0 ? ` ${formatBytes(Math.round((doneBytes / elapsedMs) * 1000))}/s` : "";
  const figures = `${Math.floor(share * 100)
    .toString()
    .padStart(3)}% ${formatBytes(doneBytes)}/${formatBytes(totalBytes)}${rate}`;
  const labelWidth = Math.max(8, Math.min(progress.label.length, columns - figures.length - 24));
  const label =
    progress.label.length <= labelWidth ? progress.label : `${progress.label.slice(0, Math.max(1, labelWidth - 1))}…`;
  const barWidth = Math.min(40, columns - label.length - figures.length - 4);
  if (barWidth < 4) return `${label} ${figures}`.slice(0, Math.max(0, columns));
  const filled = Math.floor(share * barWidth);
  return `${label} [${"#".repeat(filled)}${"-".repeat(barWidth - filled)}] ${figures}`;
}
