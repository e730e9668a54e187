/** Where a command writes, and what it knows of the world outside: replaced by a recorder in tests. */
import { PAINT } from "./colour.ts";

export interface Terminal {
  /** Results: stdout. */
  line(text: string): void;
  /** Progress and complaints: stderr. */
  note(text: string): void;
  /** Overwrites the current stderr line; only called when `live`. */
  redraw(text: string): void;
  /** True when stderr is a TTY, so that a bar can be drawn. */
  readonly live: boolean;
  /** True when stdout is one that shows colours. */
  readonly colours: boolean;
  readonly columns: number;
}

const CLEAR_LINE = "\r\u001b[K";
const COMMAND = new RegExp(`(${PAINT.source})|[^\\P{Cc}\\n\\t]`, "gu");

/** What files and edges say may hold commands to a terminal: it is shown none but our colours. A file or a program gets the text as it is. */
export const printable = (text: string, { isTTY }: { readonly isTTY?: boolean }): string =>
  isTTY === true ? text.replaceAll(COMMAND, (_found, paint?: string) => paint ?? "\uFFFD") : text;

/** The process's own stdout and stderr. */
export function processTerminal(): Terminal {
  let drawn = false;
  const clear = (): void => {
    if (drawn) process.stderr.write(CLEAR_LINE);
    drawn = false;
  };
  return {
    line(text) {
      clear();
      process.stdout.write(`${printable(text, process.stdout)}\n`);
    },
    note(text) {
      clear();
      process.stderr.write(`${printable(text, process.stderr)}\n`);
    },
    redraw(text) {
      process.stderr.write(`${CLEAR_LINE}${printable(text, process.stderr)}`);
      drawn = true;
    },
    live: process.stderr.isTTY,
    colours: process.stdout.isTTY && process.stdout.hasColors(),
    columns: process.stderr.columns || 80,
  };
}
