/**
 * The last message of a block can be lost, and then one end does not know whether the other has its key. So Bob, who
 * has accepted the key, holds it `unconfirmed`, and Alice alone decides, once: she releases it when Bob's last tag has
 * verified (which proves that he has accepted and stored it), or she discards it. Either way she discloses one of two
 * tokens, 16 bytes each of the block's own secret key, and never the other one. Nobody else can know a token, so
 * nobody else can make Bob release or discard; and whoever has released knows that the other one will.
 *
 * Lost settlement: Bob stays `unconfirmed`, across restarts, and asks for the block's settlement whenever the two ends
 * greet each other again; Alice answers with the same message. Lost before it: Alice discards what she has offered
 * (after a restart too), and says so. The two keys are equal and both released, or both discarded; what may differ is
 * when. A Bob whose Alice never returns holds the key back for ever: it is of no use without her.
 *
 * Records are to be durable before the messages of the same step leave.
 */
import { equalBytes } from "../authentication/equal.ts";
import { headOf, HEAD_BYTES, sealed } from "./envelope.ts";
import { TOKEN_BYTES } from "./messages.ts";
import type { BlockSecrets } from "./outcome.ts";

export interface Tokens {
  readonly released: Uint8Array;
  readonly discarded: Uint8Array;
}

/** Alice's, from before her offer leaves until she has decided. */
export interface Offered {
  readonly state: "offered";
  readonly block: number;
  readonly tokens: Tokens;
}

/** Bob's, from before his acceptance leaves until he knows. */
export interface Unconfirmed {
  readonly state: "unconfirmed";
  readonly block: number;
  readonly tokens: Tokens;
  readonly secrets: BlockSecrets;
}

/** Alice keeps the token until Bob no longer asks for the block. */
export interface Released {
  readonly state: "released";
  readonly block: number;
  readonly token: Uint8Array;
  readonly secrets: BlockSecrets;
}

export interface Discarded {
  readonly state: "discarded";
  readonly block: number;
  readonly token: Uint8Array;
}

/** What an end writes down of a block; each replaces the one before. */
export type BlockRecord = Offered | Unconfirmed | Released | Discarded;

/** Not one of the numbered messages: it comes after them, and vouches for itself. */
const UNNUMBERED = 2 ** 32 - 1;

/** Tokens take so much of every block's secret key. */
export const TOKENS_BYTES = 2 * TOKEN_BYTES;

export const tokensOf = (bytes: Uint8Array): Tokens => ({
  released: bytes.slice(0, TOKEN_BYTES),
  discarded: bytes.slice(TOKEN_BYTES, TOKENS_BYTES),
});

/** What Alice makes of an offer that Bob's acceptance did not reach in time, or before a restart. */
export const withdrawn = ({ block, tokens }: Offered): Discarded => ({
  state: "discarded",
  block,
  token: tokens.discarded,
});

/** Alice's answer, the first time and each time that Bob asks. */
export const settlementMessage = ({ block, token }: Released | Discarded): Uint8Array =>
  sealed({ type: "settlement", from: "alice-to-bob", phase: "amplification", block, number: UNNUMBERED }, token);

/** What becomes of Bob's key; null for a message that settles nothing, which leaves it as it is. */
export function settle(record: Unconfirmed, message: Uint8Array): Released | Discarded | null {
  const head = headOf(message);
  if (head?.type !== "settlement" || head.block !== record.block || head.number !== UNNUMBERED) return null;
  const token = message.subarray(HEAD_BYTES);
  const { block, tokens, secrets } = record;
  if (equalBytes(token, tokens.released)) return { state: "released", block, token: tokens.released, secrets };
  if (equalBytes(token, tokens.discarded)) return { state: "discarded", block, token: tokens.discarded };
  return null;
}
