/** A log file that is renamed to `.1` before it would grow too large, `.1` to `.2`, and so on. */
import { closeSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { codeOf, messageOf } from "../../log.ts";

export interface RotatingFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  /** Of them all, the one being written to included. */
  readonly files: number;
  /** Told once when writing fails, and once when it works again. */
  readonly onTrouble: (reason: string | null) => void;
}

/** Written synchronously: the last lines before an end are the ones wanted most. */
export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #descriptor: number | null = null;
  #sizeBytes = 0;
  #failed = false;

  /** @throws Error where the file cannot be opened */
  constructor(options: RotatingFileOptions) {
    this.#options = options;
    this.#open();
  }

  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    try {
      if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#options.maxBytes) this.#rotate();
      const descriptor = this.#descriptor ?? this.#open();
      writeSync(descriptor, bytes);
      this.#sizeBytes += bytes.length;
      if (this.#failed) this.#options.onTrouble(null);
      this.#failed = false;
    } catch (thrown) {
      if (!this.#failed) this.#options.onTrouble(messageOf(thrown));
      this.#failed = true;
    }
  }

  close(): void {
    if (this.#descriptor !== null) closeSync(this.#descriptor);
    this.#descriptor = null;
  }

  #open(): number {
    const descriptor = openSync(this.#options.path, "a", 0o640);
    this.#descriptor = descriptor;
    this.#sizeBytes = fstatSync(descriptor).size;
    return descriptor;
  }

  #rotate(): void {
    const { path, files } = this.#options;
    this.close();
    const nameOf = (number: number): string => (number === 0 ? path : `${path}.${number}`);
    if (files === 1) rmSync(path);
    for (let number = files - 1; number > 0; number--) renameIfThere(nameOf(number - 1), nameOf(number));
    this.#open();
  }
}

function renameIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
  }
}
