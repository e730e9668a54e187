/**
 * Keys of a multicast on their way to a node of another deployment: under as much one-time pad of the pair of that node
 * and the master's, and with a one-time Poly1305 tag (RFC 8439 clause 2.5) keyed from the same bits, as a hop of a relay
 * is. The tag covers everything that is said of the keys, so none of them is anybody else's, or for longer, than the
 * master's deployment has said, whatever the attacker can compute.
 */
import { poly1305 } from "@noble/ciphers/_poly1305.js";
import { fromHex } from "../bytes/hex.ts";
import type { NodeId, PairName, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { equalBytes } from "../postprocessing/authentication/equal.ts";
import { FieldWriter } from "../postprocessing/session/fields.ts";
import { xorInto } from "../relay/hop.ts";
import { type LinkDraw, type RelayId, TAG_BYTES, TAG_KEY_BYTES } from "../relay/types.ts";
import { flawOfKeyIds, flawOfKeys } from "./half-checks.ts";
import type { PoolResult, Recipient } from "./types.ts";

/** What is said of the keys. */
export interface ImportTerms {
  /** Of the master's node, and the one that they go to. */
  readonly pair: PairName;
  /** Where they are looked for there: the shard that their IDs name. */
  readonly shard: number;
  /** The master's node. */
  readonly from: NodeId;
  readonly master: SaeId;
  /** All of them: those at other nodes are rightful, but fetch theirs elsewhere. */
  readonly recipients: readonly Recipient[];
  /** Hexadecimal; all that the key IDs are made from. */
  readonly nonce: string;
  readonly mask: string;
  readonly keys: number;
  readonly sizeBytes: number;
  readonly expiresMs: number;
  /** Where pad and tag key lie in the pair's pool, and by what name they were drawn. */
  readonly draw: LinkDraw;
  readonly drawn: RelayId;
}

export interface SealedImport extends ImportTerms {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

export type VoidImport = Pick<ImportTerms, "pair" | "shard" | "from" | "nonce">;

/** The pool of the pair at the other deployment, as this one's sees it: two carriers, as for `OtherHalf`. */
export interface ImportsElsewhere {
  /** Not asked again: without an answer nobody knows, and the keys are given to nobody. */
  importKeys(call: SealedImport): PoolResult<null>;
  /** Their master does not get them. Idempotent, and right too where they never came. */
  voidImport(call: VoidImport): PoolResult<null>;
}

const DOMAIN = "qkd-edge import 1";
const UTF_8 = new TextEncoder();

/**
 * @param drawn pad and tag key, TAG_KEY_BYTES longer than the keys: wiped
 * @param keys stay as they are
 */
export function sealImport(terms: ImportTerms, drawn: Uint8Array, keys: Uint8Array): SealedImport {
  if (drawn.length !== keys.length + TAG_KEY_BYTES) throw new Error("pad and tag key are as long as they shall be");
  const ciphertext = new Uint8Array(keys.length);
  ciphertext.set(keys);
  xorInto(ciphertext, drawn);
  const tag = poly1305(bytesOf(terms, ciphertext), drawn.subarray(keys.length));
  drawn.fill(0);
  return { ...terms, ciphertext, tag };
}

/**
 * @param taken what was drawn, of the other end: wiped but for the keys
 * @returns the keys, a view of `taken`; null where the master's deployment has sealed something else
 */
export function openImport({ ciphertext, tag, ...terms }: SealedImport, taken: Uint8Array): Uint8Array | null {
  const isLongEnough = taken.length === ciphertext.length + TAG_KEY_BYTES;
  const tagKey = taken.subarray(ciphertext.length);
  if (!isLongEnough || !equalBytes(poly1305(bytesOf(terms, ciphertext), tagKey), tag)) {
    taken.fill(0);
    return null;
  }
  tagKey.fill(0);
  const keys = taken.subarray(0, ciphertext.length);
  xorInto(keys, ciphertext);
  return keys;
}

/**
 * @param at the pool that they have come to, its node, and the one that asks
 * @returns what is wrong with it, or null
 */
export function flawOfImport(
  call: SealedImport,
  at: { readonly pair: PairName; readonly shard: number; readonly own: NodeId; readonly other: NodeId },
): string | null {
  const { pair, shard, from, ciphertext, tag, keys, sizeBytes, recipients, draw } = call;
  if (pair !== at.pair || shard !== at.shard || from !== at.other) return "these keys are for another pool";
  const flaw = flawOfKeys(call) ?? flawOfKeyIds(call, shard);
  if (flaw !== null) return flaw;
  if (!recipients.some(({ node }) => node === at.own)) return "no recipient is at this node";
  if (ciphertext.length !== keys * sizeBytes || ciphertext.length > LIMITS.relayBytes || tag.length !== TAG_BYTES) {
    return "the ciphertext is as long as the keys, and there is a tag";
  }
  return fromHex(draw.nonce) === null ? "the nonce of a draw is in hexadecimal" : null;
}

/** Two imports that differ in anything have different bytes: every text and list goes with its length. */
function bytesOf(terms: ImportTerms, ciphertext: Uint8Array): Uint8Array {
  const { draw } = terms;
  const writer = new FieldWriter();
  for (const each of [DOMAIN, terms.pair, terms.from, terms.master, terms.nonce, terms.mask, terms.drawn, draw.nonce]) {
    text(writer, each);
  }
  writer.u32(terms.recipients.length);
  for (const { sae, node } of terms.recipients) {
    text(writer, sae);
    text(writer, node);
  }
  writer.u32(terms.shard).u32(terms.keys).u32(terms.sizeBytes).u64(terms.expiresMs);
  writer.u32(draw.shard).u64(draw.record).u32(ciphertext.length);
  return writer.bytes(ciphertext).finish();
}

function text(writer: FieldWriter, value: string): void {
  const bytes = UTF_8.encode(value);
  writer.u32(bytes.length).bytes(bytes);
}
