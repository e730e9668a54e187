/** What is wrong, or odd, with an entry: where, in words. */
import { LIMITS } from "../limits.ts";

export interface EntryFault {
  /** `sad-entry[out/10.0.0.11/in/10.0.0.20_2]/ipsec-sa-config/spi`. */
  readonly path: string;
  /** Never repeats a key. */
  readonly message: string;
}

/** `<path>: <message>; <path>: <message>`. */
export const faultsText = (faults: readonly EntryFault[]): string =>
  faults.map(({ path, message }) => `${path}: ${message}`).join("; ");

/** Collects them for one entry, bounded. */
export class Findings {
  readonly faults: EntryFault[] = [];
  readonly warnings: string[] = [];
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  get isFull(): boolean {
    return this.faults.length >= LIMITS.ipsecFaultsEach;
  }

  /** @param path below the entry; empty: the entry itself */
  fault(path: string, message: string): void {
    if (!this.isFull) this.faults.push({ path: this.#full(path), message });
  }

  warn(path: string, message: string): void {
    if (this.warnings.length < LIMITS.ipsecFaultsEach) this.warnings.push(`${this.#full(path)}: ${message}`);
  }

  #full(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }
}
