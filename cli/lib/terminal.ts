/** Where a command writes, and what it knows of the world outside: replaced by a recorder in tests. */
export interface Terminal {
  /** Results: stdout. */
  line(text: string): void;
  /** Progress and complaints: stderr. */
  note(text: string): void;
  /** Overwrites the current stderr line; only called when `live`. */
  redraw(text: string): void;
  /** True when stderr is a TTY, so that a bar can be drawn. */
  readonly live: boolean;
  readonly columns: number;
}

const CLEAR_LINE = "\r\u001b[K";

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
      process.stdout.write(`${text}\n`);
    },
    note(text) {
      clear();
      process.stderr.write(`${text}\n`);
    },
    redraw(text) {
      process.stderr.write(`${CLEAR_LINE}${text}`);
      drawn = true;
    },
    live: process.stderr.isTTY,
    columns: process.stderr.columns || 80,
  };
}
