import { hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fromHex, toHex } from "../../bytes/hex.ts";
import type { EntryKind, SourceEntry, ToCombine } from "../types.ts";
import { beginEpoch, combine } from "./combine.ts";
import { inOrder } from "./entries.ts";
import { Transcript } from "./transcript.ts";

interface Vector {
  readonly id: string;
  readonly note: string;
  readonly mode: 1 | 2;
  readonly ksid: string;
  readonly id_i_utf8: string;
  readonly id_r_utf8: string;
  readonly nonce_i: string;
  readonly nonce_r: string;
  readonly sources: readonly Readonly<
    Record<"kind" | "alg" | "secret" | "key_id" | "pk" | "ct", string> & { slot: number }
  >[];
  readonly index: string;
  readonly length: number;
  readonly ikm: string;
  readonly transcript_hash: string;
  readonly info: string;
  readonly okm: string;
  readonly confirm_tag_i: string;
  readonly confirm_tag_r: string;
}
const file = join(import.meta.dirname, "../../../test/vectors/combiners.json");
const { vectors } = (JSON.parse(readFileSync(file, "utf8")) as { qkdedge_hkdf_v1: { vectors: readonly Vector[] } })
  .qkdedge_hkdf_v1;

const hex = (text: string): Uint8Array => {
  const bytes = fromHex(text);
  if (bytes === null) throw new Error("not hex");
  return bytes;
};

const toCombineOf = (vector: Vector): ToCombine => ({
  mode: vector.mode === 1 ? "session" : "chunk",
  context: {
    ksid: hex(vector.ksid),
    initiator: vector.id_i_utf8,
    responder: vector.id_r_utf8,
    initiatorNonce: hex(vector.nonce_i),
    responderNonce: hex(vector.nonce_r),
  },
  entries: vector.sources.map(({ kind, slot, alg, secret, key_id, pk, ct }): SourceEntry => ({
    kind: kind.toLowerCase() as EntryKind,
    slot,
    algorithm: alg,
    secret: hex(secret),
    keyId: hex(key_id),
    publicKey: hex(pk),
    ciphertext: hex(ct),
  })),
});

test("there are six vectors", () => expect(vectors.length).toBe(6));

test.each(vectors)("$id: $note", (vector) => {
  const { mode, context, entries } = toCombineOf(vector);
  const transcript = Transcript.begin(mode, context, entries.length);
  for (const entry of inOrder(entries)) transcript.add(entry);
  expect(toHex(transcript.finish())).toBe(vector.transcript_hash);

  const combined = combine("qkdedge-hkdf-v1", { mode, context, entries });
  if (!combined.ok) throw new Error(combined.error);
  const index = Number(vector.index);
  const chunk = combined.value.chunk(index, vector.length);
  expect(chunk === "too-few-bytes" ? chunk : toHex(chunk)).toBe(vector.okm);
  // Their confirmation keys are those of index 0 in mode 2 too, where sessions use the chunk's.
  const tags = combined.value.tags(0);
  expect([toHex(tags!.initiator), toHex(tags!.responder)]).toEqual([vector.confirm_tag_i, vector.confirm_tag_r]);

  const salt = Buffer.from("qkdedge-hkdf-v1");
  const byNode = hkdfSync("sha384", hex(vector.ikm), salt, hex(vector.info), vector.length);
  expect(toHex(new Uint8Array(byNode))).toBe(vector.okm);
});

test.each(vectors)("$id, entries of an epoch first: the same bytes", (vector) => {
  const { mode, context, entries } = toCombineOf(vector);
  const ordered = inOrder(entries);
  const whole = combine("qkdedge-hkdf-v1", { mode, context, entries });
  for (let at = 0; at <= ordered.length; at++) {
    const fresh = ordered.slice(at);
    const epoch = beginEpoch("qkdedge-hkdf-v1", { mode, context, entries: ordered.slice(0, at) }, fresh.length);
    const combined = epoch.ok ? epoch.value.combine(fresh) : epoch;
    if (!combined.ok || !whole.ok) throw new Error("not combined");
    expect(combined.value.chunk(3, 50)).toEqual(whole.value.chunk(3, 50));
    expect(combined.value.tags(3)).toEqual(whole.value.tags(3));
  }
});
