/** Looks for traces of keys in text: eight bytes of one in a row, raw, in hex or in base64, or a digest of one. */
import { createHash } from "node:crypto";

const WINDOW_BYTES = 8;
const HEX_RUN = /[0-9a-fA-F]{16,}/g;
const BASE64_RUN = /[A-Za-z0-9+/_-]{11,}/g;
const DIGESTS = ["sha256", "sha512", "sha1", "md5"];

export class KeyScan {
  readonly #windows = new Set<string>();

  /** @param key bytes of a delivered key, 8 or more */
  add(key: Buffer): void {
    this.#addWindows(key);
    for (const name of DIGESTS)
      this.#addWindows(
        createHash(name)
          .update(key)
          .digest()
          .subarray(0, 2 * WINDOW_BYTES),
      );
  }

  /** @returns where the first trace is (not the trace), or null */
  find(text: string): string | null {
    if (this.#holds(Buffer.from(text, "latin1")) || this.#holds(Buffer.from(text, "utf8"))) return "raw bytes";
    for (const [run] of text.matchAll(HEX_RUN)) {
      for (const start of [0, 1]) if (this.#holds(Buffer.from(run.slice(start), "hex"))) return "hex";
    }
    for (const [run] of text.matchAll(BASE64_RUN)) {
      for (const start of [0, 1, 2, 3]) if (this.#holds(Buffer.from(run.slice(start), "base64"))) return "base64";
    }
    return null;
  }

  #addWindows(bytes: Buffer): void {
    for (let at = 0; at + WINDOW_BYTES <= bytes.length; at++) {
      this.#windows.add(bytes.toString("latin1", at, at + WINDOW_BYTES));
    }
  }

  #holds(bytes: Buffer): boolean {
    for (let at = 0; at + WINDOW_BYTES <= bytes.length; at++) {
      if (this.#windows.has(bytes.toString("latin1", at, at + WINDOW_BYTES))) return true;
    }
    return false;
  }
}
