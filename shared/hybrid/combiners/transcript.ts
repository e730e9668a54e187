/**
 * The transcript of `qkdedge-hkdf-v1`: everything public that a key depends on, in one unambiguous byte string, of which
 * only the SHA-384 is used. Entries that stay the same for many chunks are hashed once: a public key of Classic McEliece
 * has more than a megabyte.
 */
import { sha384 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import type { SessionContext, SourceEntry, TranscriptMode } from "../types.ts";
import { KINDS } from "./entries.ts";
import { lp16, u16, u32 } from "./framing.ts";

const VERSION = 1;
const MODES: Readonly<Record<TranscriptMode, number>> = { session: 1, chunk: 2 };

/** What says which session it is. */
export const sessionBytes = ({
  ksid,
  initiator,
  responder,
  initiatorNonce,
  responderNonce,
}: SessionContext): Uint8Array =>
  concatBytes(lp16(ksid), lp16(initiator), lp16(responder), lp16(initiatorNonce), lp16(responderNonce));

export const entryHead = ({ kind, slot, algorithm }: SourceEntry): Uint8Array =>
  concatBytes(Uint8Array.of(KINDS[kind], slot), lp16(algorithm));

export class Transcript {
  readonly #hash: ReturnType<typeof sha384.create>;

  private constructor(hash: ReturnType<typeof sha384.create>) {
    this.#hash = hash;
  }

  /** @param count how many entries it will have */
  static begin(mode: TranscriptMode, context: SessionContext, count: number): Transcript {
    const head = [lp16("qkdedge-hkdf-v1/transcript"), u16(VERSION), Uint8Array.of(MODES[mode])];
    return new Transcript(sha384.create().update(concatBytes(...head, sessionBytes(context), Uint8Array.of(count))));
  }

  /** @param entry of a higher rank than those before */
  add(entry: SourceEntry): this {
    this.#hash.update(entryHead(entry));
    for (const field of [entry.keyId, entry.publicKey, entry.ciphertext])
      this.#hash.update(u32(field.length)).update(field);
    return this;
  }

  /** One that goes on by itself from here. */
  fork(): Transcript {
    return new Transcript(this.#hash.clone());
  }

  /** @returns 48 bytes; nothing can be added any more */
  finish(): Uint8Array {
    return this.#hash.digest();
  }
}
