/** How a block ends. */
import type { Slot } from "../authentication/key-store.ts";

/** Numbered on the wire in this order: add at the end. */
export const ABORT_REASONS = [
  /** More errors than the limit: what an eavesdropper causes. Raises an alarm. */
  "qber-above-bound",
  /** The two strings differed after error correction. */
  "verification-failed",
  /** A tag or signature did not fit what was received. Raises an alarm. */
  "authentication-failed",
  /** The run ended before the sifted key was long enough, or there is no bit to test the channel with. */
  "too-few-detections",
  /** The secret key would be no longer than what authentication takes of it. */
  "too-short",
  /** Error correction would disclose more than the limit. */
  "leak-limit",
  /** A message that is malformed, or not the one that was due. */
  "protocol-violation",
  /** The block's parameters are not those of this end. */
  "parameters-refused",
  /** Given up by the one who runs it: the other end fell silent, say. */
  "abandoned",
  /** Bob does not have the key that the block is to be authenticated with. */
  "no-authentication-key",
] as const;
export type AbortReason = (typeof ABORT_REASONS)[number];

/** Reasons that speak of an attack on the quantum or on the classical channel. */
const ALARMING: ReadonlySet<AbortReason> = new Set(["qber-above-bound", "authentication-failed"]);

/** What a block has yielded; equal at both ends. */
export interface BlockSecrets {
  readonly key: Uint8Array;
  /** For the store of authentication key, in the same transaction as the key. */
  readonly slots: readonly Slot[];
}

export interface Aborted {
  readonly kind: "aborted";
  readonly reason: AbortReason;
  /** Who gave the block up first, as far as this end knows. */
  readonly by: "this-end" | "other-end";
  /** Whether the other end's word on it carried a tag that fits; true of this end's own. */
  readonly authenticated: boolean;
}

/** Nobody else can raise an alarm at this end. */
export const isAlarm = ({ reason, by, authenticated }: Aborted): boolean =>
  ALARMING.has(reason) && (by === "this-end" || authenticated);

/**
 * - `running`: messages are due
 * - `unconfirmed`: Bob has accepted, and knows not yet whether Alice has; see settlement.ts
 * - `released`: the key may be used at both ends
 */
export type Outcome =
  | { readonly kind: "running" }
  | { readonly kind: "unconfirmed" }
  | { readonly kind: "released"; readonly secrets: BlockSecrets }
  | Aborted;
