/**
 * What the tag of a hop covers: all of the relay's terms, the place of the hop, where its bits lie, and the ciphertext.
 * Two hops that differ in anything have different bytes: every text and list goes with its length, every number has its
 * width, and the first text says what this is.
 */
import { FieldWriter } from "../postprocessing/session/fields.ts";
import type { LinkDraw, RelayTerms } from "./types.ts";

const DOMAIN = "qkd-edge relay hop 1";
const UTF_8 = new TextEncoder();

/** @param position of the node that the hop goes to */
export function bytesOfHop(terms: RelayTerms, position: number, draw: LinkDraw, ciphertext: Uint8Array): Uint8Array {
  const writer = new FieldWriter();
  text(writer, DOMAIN);
  text(writer, terms.relay);
  text(writer, terms.pair);
  writer.u32(terms.shard).u32(terms.path.length);
  for (const node of terms.path) text(writer, node);
  writer.u32(terms.share[0]).u32(terms.share[1]).u32(terms.bytes).u64(terms.expiresMs);
  writer.u32(terms.compared === true ? 1 : 0);
  writer.u32(position).u32(draw.shard).u64(draw.record);
  text(writer, draw.nonce);
  writer.u32(draw.simulated === true ? 1 : 0);
  return writer.u32(ciphertext.length).bytes(ciphertext).finish();
}

function text(writer: FieldWriter, value: string): void {
  const bytes = UTF_8.encode(value);
  writer.u32(bytes.length).bytes(bytes);
}
