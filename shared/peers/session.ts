/**
 * A session: a key of the moment (Ed25519, made by the instance that asks or answers, never stored) that a node's two
 * long-term keys have signed. Those cost some ten milliseconds, this one a tenth of one; and the long-term keys' secret is
 * needed once an hour only.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import * as v from "valibot";
import { canonicalJson } from "../audit/canonical-json.ts";
import { base64Of, isDoublySigned, KEY_BYTES, type PublicKeys, SignaturesSchema } from "../auth/double-signature.ts";
import type { VerifyEd25519 } from "../auth/double-signature.ts";
import { toHex } from "../bytes/hex.ts";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";
import { fingerprintOf } from "./identity.ts";

const DOMAIN = "qkd-edge peer session v1\n";
const timeMs = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const SessionClaimsSchema = v.strictObject({
  version: v.literal(1),
  node: PlainIdSchema,
  /** The session's own public key, Ed25519. */
  key: base64Of(KEY_BYTES.ed25519),
  fromMs: timeMs,
  untilMs: timeMs,
});
export type SessionClaims = v.InferOutput<typeof SessionClaimsSchema>;

export const SessionSchema = v.strictObject({ claims: SessionClaimsSchema, signatures: SignaturesSchema });
export type Session = v.InferOutput<typeof SessionSchema>;

/** What the long-term keys sign. */
export const sessionBytes = (claims: SessionClaims): Uint8Array =>
  new TextEncoder().encode(DOMAIN + canonicalJson(claims));

/** SHA-256 of a session and its signatures, hexadecimal. */
export const sessionDigest = (session: Session): string =>
  toHex(sha256(new TextEncoder().encode(canonicalJson(session))));

/** Why a session does not hold now, whoever signed it; null: it does. */
export function flawOfTimes({ fromMs, untilMs }: SessionClaims, nowMs: number): string | null {
  if (untilMs - fromMs > LIMITS.peerSessionMs || untilMs <= fromMs) return "its session is too long";
  if (fromMs > nowMs + LIMITS.peerSkewMs) return "its session has not begun: are the clocks right?";
  return untilMs + LIMITS.peerSkewMs < nowMs ? "its session has ended" : null;
}

/**
 * Sessions whose signatures were found good: they are looked at once. Under the keys they were checked with, so that
 * new ones in the network document count at once.
 */
export class CheckedSessions {
  readonly #verifyEd25519: VerifyEd25519;
  readonly #good = new Set<string>();

  constructor(verifyEd25519: VerifyEd25519) {
    this.#verifyEd25519 = verifyEd25519;
  }

  /** @param digest of the session */
  async isSigned(session: Session, digest: string, keys: PublicKeys): Promise<boolean> {
    const name = `${digest} ${fingerprintOf(keys)}`;
    if (this.#good.delete(name)) {
      this.#good.add(name); // the one that was not used for longest goes first
      return true;
    }
    const { claims, signatures } = session;
    if (!(await isDoublySigned(sessionBytes(claims), signatures, keys, this.#verifyEd25519))) return false;
    this.#good.add(name);
    const [oldest] = this.#good;
    if (this.#good.size > LIMITS.peerSessions && oldest !== undefined) this.#good.delete(oldest);
    return true;
  }
}
