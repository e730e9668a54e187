/** From KEM secrets to chunks: what both halves of a hybrid stream do alike, each with its own copies of the same secrets. */
import { bytesOfKsid } from "../../../shared/etsi004/ksid.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { beginEpoch, combine, type Epoch } from "../../../shared/hybrid/combiners/combine.ts";
import { u64 } from "../../../shared/hybrid/combiners/framing.ts";
import type { HybridTerms } from "../../../shared/hybrid/edge/terms.ts";
import type { CombineFault, SessionContext, Source, SourceEntry } from "../../../shared/hybrid/types.ts";
import { type KemName, KEMS } from "../../../shared/kem/registry.ts";
import { err, ok, type Result } from "../../../shared/result.ts";
import type { OpenParts } from "./store.ts";

export type KemSource = Source & { readonly algorithm: KemName };

/** By slot. */
export const kemsOf = ({ sources }: HybridTerms): readonly KemSource[] =>
  sources.filter((source): source is KemSource => source.algorithm !== "QKD");

export interface Tags {
  readonly initiator: Uint8Array;
  readonly responder: Uint8Array;
}

/** Holds secrets until it is wiped. */
export class HybridMaterial {
  /** Show that the KEM secrets are the same. Null where there are none. */
  readonly tags: Tags | null;
  readonly #ksid: Uint8Array;
  readonly #chunks: Epoch;

  private constructor(ksid: Uint8Array, tags: Tags | null, chunks: Epoch) {
    this.#ksid = ksid;
    this.tags = tags;
    this.#chunks = chunks;
  }

  /** @param secrets of the KEMs, by slot; they are copied, the caller wipes its own */
  static of(
    ksid: Ksid,
    terms: HybridTerms,
    open: OpenParts,
    secrets: readonly Uint8Array[],
  ): Result<HybridMaterial, CombineFault> {
    const { initiatorNonce, responderNonce } = open;
    const context: SessionContext = {
      ksid: bytesOfKsid(ksid),
      initiator: terms.initiator.uuid,
      responder: terms.responder.uuid,
      initiatorNonce,
      responderNonce,
    };
    const entries = kemsOf(terms).map(({ algorithm, slot }, at): SourceEntry => {
      const [secret, publicKey, ciphertext] = [secrets[at], open.publicKeys[at], open.ciphertexts[at]];
      const none = new Uint8Array();
      return {
        kind: "kem",
        slot,
        algorithm,
        secret: secret ?? none,
        keyId: none,
        publicKey: publicKey ?? none,
        ciphertext: ciphertext ?? none,
      };
    });
    const tags = tagsOf(terms, context, entries);
    if (!tags.ok) return tags;
    const chunks = beginEpoch(terms.method, { mode: "chunk", context, entries }, 1);
    return chunks.ok ? ok(new HybridMaterial(context.ksid, tags.value, chunks.value)) : chunks;
  }

  /** @param qkd the pool's chunk of this index; the caller wipes it */
  chunk(index: number, qkd: Uint8Array, lengthBytes: number): Result<Uint8Array, CombineFault | "too-few-bytes"> {
    const keyId = new Uint8Array([...this.#ksid, ...u64(index)]);
    const none = new Uint8Array();
    const entry: SourceEntry = {
      kind: "qkd",
      slot: 0,
      algorithm: "ETSI-QKD-004",
      secret: qkd,
      keyId,
      publicKey: none,
      ciphertext: none,
    };
    const combined = this.#chunks.combine([entry]);
    if (!combined.ok) return combined;
    const key = combined.value.chunk(index, lengthBytes);
    combined.value.wipe();
    return key === "too-few-bytes" ? err(key) : ok(key);
  }

  wipe(): void {
    this.#chunks.wipe();
  }
}

/** Of the KEMs alone: QKD key is the same at both ends as it comes from one pool. */
function tagsOf(
  { method }: HybridTerms,
  context: SessionContext,
  entries: readonly SourceEntry[],
): Result<Tags | null, CombineFault> {
  if (entries.length === 0) return ok(null);
  const combined = combine(method, { mode: "session", context, entries });
  if (!combined.ok) return combined;
  const tags = combined.value.tags(0);
  combined.value.wipe();
  return ok(tags);
}

/** Secrets as they are sealed: one after the other. Wipes those given. */
export function joined(secrets: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(secrets.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const secret of secrets) {
    whole.set(secret, at);
    at += secret.length;
    secret.fill(0);
  }
  return whole;
}

/** Views of `whole`. */
export function split(terms: HybridTerms, whole: Uint8Array): readonly Uint8Array[] {
  let at = 0;
  return kemsOf(terms).map(({ algorithm }) => {
    const from = at;
    at += KEMS[algorithm].sharedSecretBytes;
    return whole.subarray(from, at);
  });
}
