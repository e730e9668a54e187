/**
 * What the methods with a transcript have in common: keys for named purposes, and key confirmation with keys of its own,
 * which are used for nothing else (NIST SP 800-227 section 4.6).
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha384 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";
import { equalBytes } from "../../postprocessing/authentication/equal.ts";
import type { Combined, SessionContext, SourceEntry, TranscriptMode } from "../types.ts";
import { lp16 } from "./framing.ts";

export type Purpose = "chunk" | "confirm-i" | "confirm-r";

/** What a label or INFO says of one output, besides the transcript. */
export interface Wanted {
  readonly purpose: Purpose;
  readonly index: number;
  readonly lengthBytes: number;
}

/** Derives what is wanted from the secrets of one transcript, which it holds until it is wiped. */
export interface Derivation {
  derive(wanted: Wanted): Uint8Array;
  wipe(): void;
}

/** A method, begun with the entries that stay the same for an epoch's chunks. */
export interface KdfEpoch {
  /** @param fresh in order, each after those of the epoch; their secrets are copied */
  derivation(fresh: readonly SourceEntry[], transcriptHash: Uint8Array): Derivation;
  wipe(): void;
}

export interface KdfScheme {
  /** Begins the labels by which its outputs are kept apart from any other's. */
  readonly name: string;
  readonly maxChunkBytes: number;
  /**
   * @param fixed in order
   * @param count of all entries: of these, and of those that come with each chunk
   */
  begin(context: SessionContext, fixed: readonly SourceEntry[], count: number): KdfEpoch;
}

const TAG_BYTES = sha384.outputLen;
const ROLES = { "confirm-i": 0x49, "confirm-r": 0x52 } as const;

/** Is that the tag which the other end should show? Takes equally long whatever the first difference. */
export const tagFits = (expected: Uint8Array, shown: Uint8Array): boolean =>
  expected.length === TAG_BYTES && equalBytes(expected, shown);

export interface KdfParts {
  readonly scheme: KdfScheme;
  readonly mode: TranscriptMode;
  readonly transcriptHash: Uint8Array;
  readonly derivation: Derivation;
}

export class KdfCombined implements Combined {
  readonly confirms = true;
  readonly #parts: KdfParts;
  #isWiped = false;

  constructor(parts: KdfParts) {
    this.#parts = parts;
  }

  chunk(index: number, lengthBytes: number): Uint8Array | "too-few-bytes" {
    if (!Number.isInteger(lengthBytes) || lengthBytes < 1) throw new RangeError("a chunk has at least one byte");
    if (lengthBytes > this.#parts.scheme.maxChunkBytes) return "too-few-bytes";
    return this.#derive({ purpose: "chunk", index, lengthBytes });
  }

  /** In mode `session` they confirm the secret, whatever the index; in mode `chunk`, that chunk. */
  tags(index: number): { readonly initiator: Uint8Array; readonly responder: Uint8Array } {
    const at = this.#parts.mode === "session" ? 0 : index;
    return { initiator: this.#tag("confirm-i", at), responder: this.#tag("confirm-r", at) };
  }

  wipe(): void {
    this.#isWiped = true;
    this.#parts.derivation.wipe();
  }

  #derive(wanted: Wanted): Uint8Array {
    if (this.#isWiped) throw new Error("this key was wiped");
    if (!Number.isSafeInteger(wanted.index) || wanted.index < 0) throw new RangeError("not an index");
    return this.#parts.derivation.derive(wanted);
  }

  /** HMAC over role and transcript hash; two keys and the role keep a tag from being sent back as the other's. */
  #tag(purpose: keyof typeof ROLES, index: number): Uint8Array {
    const { scheme, transcriptHash } = this.#parts;
    const key = this.#derive({ purpose, index, lengthBytes: TAG_BYTES });
    const text = concatBytes(lp16(`${scheme.name}/confirm`), Uint8Array.of(ROLES[purpose]), lp16(transcriptHash));
    const tag = hmac(sha384, key, text);
    key.fill(0);
    return tag;
  }
}
