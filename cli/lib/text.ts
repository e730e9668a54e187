/** Plain-text rendering: tables, sizes. Pure. */
import { visibleLength } from "./colour.ts";

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

/** The two largest units of `90061` s: `1 d 1 h`; below a minute `12 s`. */
export function formatSeconds(seconds: number): string {
  const units = [
    ["d", 86_400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  let rest = Math.floor(seconds);
  const parts = units.slice(first === -1 ? -1 : first, first === -1 ? undefined : first + 2).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return { unit, count };
  });
  const told = parts.filter(({ count }, index) => index === 0 || count > 0);
  return told.map(({ unit, count }) => `${formatCount(count)} ${unit}`).join(" ");
}

/** `1 key`, `2 keys`. */
export const plural = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;

/** What somebody else has written shall not pass for lines of ours. */
export const oneLine = (text: string): string => text.replaceAll(/[\r\n\u2028\u2029]+/gu, " ");

/** Columns aligned by their widest cell; columns of `rightAligned` (by heading) flush right. */
export function renderTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  rightAligned: ReadonlySet<string> = new Set(),
): string[] {
  const lines = rows.map((row) => row.map(oneLine));
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...lines.map((row) => visibleLength(row[column] ?? ""))),
  );
  return [headings, ...lines].map((row) =>
    row
      .map((cell, column) => {
        const room = " ".repeat((widths[column] ?? 0) - visibleLength(cell));
        return rightAligned.has(headings[column] ?? "") ? room + cell : cell + room;
      })
      .join("  ")
      .trimEnd(),
  );
}
