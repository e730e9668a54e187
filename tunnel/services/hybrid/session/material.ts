/** From secrets to chunks: what both ends of a session do alike, each with its own copies of the same secrets. */
import { copyOf } from "../../../../shared/bytes/copy.ts";
import { tagFits } from "../../../../shared/hybrid/combiners/kdf.ts";
import { bytesOfKsid } from "../../../../shared/etsi004/ksid.ts";
import type { Ksid } from "../../../../shared/etsi004/types.ts";
import { beginEpoch, type Epoch } from "../../../../shared/hybrid/combiners/combine.ts";
import { METHODS } from "../../../../shared/hybrid/methods.ts";
import type { CombineFault, SessionContext, SourceEntry } from "../../../../shared/hybrid/types.ts";
import { ok, type Result } from "../../../../shared/result.ts";
import { type Agreement, type KemSource, qkdSource } from "../agreement.ts";
import type { QkdNumber } from "../qkd/types.ts";
import { failed, type HybridFailure } from "../failure.ts";
import type { MadeChunk } from "./held-chunks.ts";
import { NUMBER_BYTES } from "../qkd/numbers.ts";

export const epochOf = ({ method }: Pick<Agreement, "method">, index: number): number =>
  Math.floor(index / METHODS[method].chunksPerEpoch);

/** Numbers that one chunk takes. A key derivation needs no more of it than of any other secret. */
export const qkdNumbersPerChunk = ({ method, chunkBytes }: Pick<Agreement, "method" | "chunkBytes">): number =>
  METHODS[method].family === "legacy" ? Math.ceil(chunkBytes / NUMBER_BYTES) : 1;

/** Key of QKD for some chunks in a row. */
export interface QkdPart {
  readonly first: QkdNumber;
  /** `qkdNumbersPerChunk` times `NUMBER_BYTES` a chunk. */
  readonly bytes: Uint8Array;
}

/** A KEM's part of an epoch. */
export const kemEntry = (
  { slot, algorithm }: KemSource,
  publicKey: Uint8Array,
  ciphertext: Uint8Array,
  secret: Uint8Array,
): SourceEntry => ({ kind: "kem", slot, algorithm, secret, keyId: new Uint8Array(), publicKey, ciphertext });

export interface Combination {
  readonly chunk: MadeChunk;
  /** What the other end has to show; null where the method has no confirmation keys. */
  readonly expected: Uint8Array | null;
  /** Optional sources that it was made without. */
  readonly dropped: readonly string[];
}

/** What chunks of one epoch are made of: its KEMs' secrets, wiped with it. */
export class EpochMaterial {
  readonly entries: readonly SourceEntry[];
  readonly #agreement: Agreement;
  /** By how many QKD entries a chunk adds. */
  readonly #makers = new Map<number, Epoch>();
  #isWiped = false;

  constructor(agreement: Agreement, entries: readonly SourceEntry[]) {
    this.#agreement = agreement;
    this.entries = entries;
  }

  /** @param at which chunk of `qkd` this is */
  combine(index: number, qkd: QkdPart | null, at: number): Result<Combination, HybridFailure> {
    const { method, chunkBytes, role } = this.#agreement;
    if (this.#isWiped) return failed("source-unavailable", "these KEM keys are not held any more");
    const fresh = qkd === null ? [] : [qkdEntry(this.#agreement, qkd, at)];
    const dropped = missing(this.#agreement, [...this.entries, ...fresh]);
    if (dropped.some(({ required }) => required) || this.entries.length + fresh.length === 0) {
      return failed("source-unavailable", `not to be had: ${dropped.map(({ algorithm }) => algorithm).join(", ")}`);
    }
    const maker = this.#maker(fresh.length);
    const combined = maker.ok ? maker.value.combine(fresh) : maker;
    for (const { secret } of fresh) secret.fill(0);
    if (!combined.ok) return failed("source-unavailable", `the sources cannot be combined: ${combined.error}`);
    const key = combined.value.chunk(index, chunkBytes);
    const tags = combined.value.tags(index);
    combined.value.wipe();
    if (key === "too-few-bytes") {
      return failed("too-few-bytes", `${method} gives fewer than ${chunkBytes} bytes of these sources`);
    }
    const [tag, expected] =
      role === "initiator" ? [tags?.initiator, tags?.responder] : [tags?.responder, tags?.initiator];
    const left = dropped.map(({ algorithm }) => algorithm);
    const metadata = JSON.stringify({
      method,
      sources: [...this.entries, ...fresh].map(({ kind, algorithm }) => (kind === "qkd" ? "QKD" : algorithm)),
      ...(left.length === 0 ? {} : { dropped: left }),
      confirmed: tags !== null,
      kem: "agent",
    });
    return ok({ chunk: { key, metadata, tag: tag ?? null }, expected: expected ?? null, dropped: left });
  }

  wipe(): void {
    this.#isWiped = true;
    for (const { secret } of this.entries) secret.fill(0);
    for (const maker of this.#makers.values()) maker.wipe();
    this.#makers.clear();
  }

  #maker(freshCount: number): Result<Epoch, CombineFault> {
    const known = this.#makers.get(freshCount);
    if (known !== undefined) return ok(known);
    const { method, allowShort } = this.#agreement;
    const mode = freshCount === 0 ? "session" : "chunk";
    const shared = { mode, context: contextOf(this.#agreement), entries: this.entries } as const;
    const begun = beginEpoch(method, shared, freshCount, { allowShort });
    if (begun.ok) this.#makers.set(freshCount, begun.value);
    return begun;
  }
}

function contextOf({ ksid, own, peer, role, initiatorNonce, responderNonce }: Agreement): SessionContext {
  const [initiator, responder] = role === "initiator" ? [own.uuid, peer.uuid] : [peer.uuid, own.uuid];
  return { ksid: bytesOfKsid(ksid), initiator, responder, initiatorNonce, responderNonce };
}

/** Sources of the agreement that are not among these. */
const missing = ({ sources }: Agreement, entries: readonly SourceEntry[]) =>
  sources.filter(
    ({ algorithm, slot }) =>
      !entries.some((entry) => entry.slot === slot && (entry.kind === "qkd") === (algorithm === "QKD")),
  );

function qkdEntry(agreement: Agreement, { first, bytes }: QkdPart, at: number): SourceEntry {
  const numbers = qkdNumbersPerChunk(agreement);
  const start = at * numbers * NUMBER_BYTES;
  const lengthBytes = METHODS[agreement.method].family === "legacy" ? agreement.chunkBytes : NUMBER_BYTES;
  const keyId = new Uint8Array(24);
  keyId.set(bytesOfKsid(first.ksid as Ksid));
  new DataView(keyId.buffer).setBigUint64(16, BigInt(first.number + at * numbers));
  return {
    kind: "qkd",
    slot: 0,
    algorithm: "ETSI-QKD-004",
    secret: copyOf(bytes, start, start + lengthBytes),
    keyId,
    publicKey: new Uint8Array(),
    ciphertext: new Uint8Array(),
  };
}

/** Will the initiator try once more, without the QKD key that one end could not have? */
export const isTriedWithoutQkd = (agreement: Agreement, { code }: HybridFailure): boolean =>
  code === "source-unavailable" && qkdSource(agreement)?.required === false;

/** What came to nothing, and what has been used. */
export function wipe(combined: readonly Combination[], qkd: QkdPart | null): void {
  for (const { chunk } of combined) chunk.key.fill(0);
  qkd?.bytes.fill(0);
}

/** Has the other end made the same? As far as the method can tell. */
export const fits = (shown: Uint8Array | undefined, expected: Uint8Array | null): boolean =>
  expected === null || (shown !== undefined && tagFits(expected, shown));
