/** What hybrid keys are made of: sources, and what both ends of a session have agreed on. */
import type { KemName } from "../kem/registry.ts";

/** What key comes from: a QKD stream, or one exchange of a KEM. */
export type SourceAlgorithm = "QKD" | KemName;

export interface Source {
  readonly algorithm: SourceAlgorithm;
  /** Counts sources of one kind (QKD, or KEMs whatever their name) from 0, in the order of the URI. */
  readonly slot: number;
  /** A required source that fails fails the key; an optional one is left out, and that is told. */
  readonly required: boolean;
}

export type EntryKind = "kem" | "ecdh" | "qkd" | "psk";

/** A source's part of one key: its secret, and everything public that belongs to it. */
export interface SourceEntry {
  readonly kind: EntryKind;
  readonly slot: number;
  /** ASCII, 1 to 64 of `A-Za-z0-9._-`. */
  readonly algorithm: string;
  readonly secret: Uint8Array;
  /** QKD: the stream's KSID (16 bytes) and the chunk's number (u64); else empty. */
  readonly keyId: Uint8Array;
  /** KEM: raw encodings; else empty. */
  readonly publicKey: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** What a transcript says of the session, equal at both ends. */
export interface SessionContext {
  /** 16 bytes. */
  readonly ksid: Uint8Array;
  /** As configured: UUIDs of nodes have 36 characters in lower case. */
  readonly initiator: string;
  readonly responder: string;
  /** 32 bytes each. */
  readonly initiatorNonce: Uint8Array;
  readonly responderNonce: Uint8Array;
}

/** `session`: one secret, an index picks the chunk. `chunk`: fresh entries, and so a secret of its own, for each chunk. */
export type TranscriptMode = "session" | "chunk";

export interface ToCombine {
  readonly mode: TranscriptMode;
  readonly context: SessionContext;
  /** In any order. */
  readonly entries: readonly SourceEntry[];
}

/** Why entries cannot be combined. `equal-secrets`: two sources that should be independent gave the same. */
export type CombineFault = "no-entries" | "too-many-entries" | "bad-entry" | "equal-secrets" | "bad-context";

/** What was made of the entries: holds key until it is wiped. */
export interface Combined {
  /** Are there confirmation keys? Not with the methods of the hybridization module. */
  readonly confirms: boolean;
  /** @returns `too-few-bytes` where the method gives less than that */
  chunk(index: number, lengthBytes: number): Uint8Array | "too-few-bytes";
  /** What each end shows the other before any key is delivered; null where the method has no confirmation keys. */
  tags(index: number): { readonly initiator: Uint8Array; readonly responder: Uint8Array } | null;
  wipe(): void;
}
