/**
 * Messages of one length, out of whatever segments they come in: nothing but their length tells where one ends.
 *
 * A module that is the client gives an exchange up after ten seconds and says nothing of it; for its next GET_KEY it sends
 * another public key. A server that answered the older one would give its application another key than the module
 * has: so of public keys only the newest counts, and that only while it is fresh.
 */
export class Inbox {
  readonly #lengthBytes: number;
  readonly #keeps: "one" | "newest";
  #coming: Uint8Array | null = null;
  #cameBytes = 0;
  #message: { readonly bytes: Uint8Array; readonly atMs: number } | null = null;

  /** @param keeps `one`: until it has been taken nothing more may come */
  constructor(lengthBytes: number, keeps: "one" | "newest") {
    this.#lengthBytes = lengthBytes;
    this.#keeps = keeps;
  }

  /** @returns false where more came than may come */
  push(segment: Uint8Array, nowMs: number): boolean {
    for (let at = 0; at < segment.length;) {
      if (this.#keeps === "one" && this.#message !== null) return false;
      this.#coming ??= new Uint8Array(this.#lengthBytes);
      const part = segment.subarray(at, at + this.#lengthBytes - this.#cameBytes);
      this.#coming.set(part, this.#cameBytes);
      this.#cameBytes += part.length;
      at += part.length;
      if (this.#cameBytes < this.#lengthBytes) continue;
      this.#message = { bytes: this.#coming, atMs: nowMs };
      this.#coming = null;
      this.#cameBytes = 0;
    }
    return true;
  }

  /** Is there one, no older than that, and none on its way that would be newer? */
  isReady(nowMs: number, freshMs: number): boolean {
    return this.#message !== null && this.#cameBytes === 0 && nowMs - this.#message.atMs <= freshMs;
  }

  take(): Uint8Array {
    const bytes = this.#message?.bytes;
    if (bytes === undefined) throw new Error("nothing has come");
    this.#message = null;
    return bytes;
  }
}
