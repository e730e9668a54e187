/** What a process prints, and waiting for a line of it. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

const READY_MS = 30_000;
const KEPT_LINES = 100;

export class Output {
  readonly #name: string;
  readonly #lines: string[] = [];
  readonly #looks = new Set<() => void>();
  #ended = false;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    for (const stream of [child.stdout, child.stderr]) {
      // Read to the end, or the process would come to wait for its reader.
      if (stream !== null) createInterface(stream).on("line", (line) => this.#took(line));
    }
    child.once("error", (error) => this.#took(error.message));
    child.once("close", () => {
      this.#ended = true;
      this.#lookAll();
    });
  }

  /** Of the process. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The last lines. */
  get text(): string {
    return [`${this.#name} says:`, ...this.#lines].join("\n");
  }

  /** @returns the first line that fits. @throws Error with what was printed instead */
  line(pattern: RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (outcome: () => void): void => {
        clearTimeout(timer);
        this.#looks.delete(look);
        outcome();
      };
      const fail = (what: string): void => settle(() => reject(new Error(`${this.#name} ${what}. ${this.text}`)));
      const look = (): void => {
        const found = this.#lines.find((line) => pattern.test(line));
        if (found !== undefined) settle(() => resolve(found));
        else if (this.#ended) fail("ended");
      };
      const timer = setTimeout(() => fail(`is not ready after ${READY_MS / 1000} s`), READY_MS);
      this.#looks.add(look);
      look();
    });
  }

  #took(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.shift();
    this.#lookAll();
  }

  #lookAll(): void {
    for (const look of this.#looks) look();
  }
}
