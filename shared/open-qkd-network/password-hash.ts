/**
 * Salted slow hashes of secrets that people choose, as they stand in the network document: scrypt (RFC 7914) in the PHC
 * string format, `$scrypt$ln=15,r=8,p=1$<salt>$<hash>` with 16 and 32 bytes in base64 without padding. That is what
 * passlib writes, too.
 */
import { fromBase64, toBase64 } from "../bytes/base64.ts";
import { LIMITS } from "../limits.ts";

/** scrypt's three parameters; N = 2^log2N. */
export interface ScryptCost {
  readonly log2N: number;
  readonly r: 8;
  readonly p: 1;
}

export interface PasswordHash extends ScryptCost {
  readonly salt: Uint8Array;
  readonly hash: Uint8Array;
}

/** Some 0.1 s and 32 MiB. */
export const DEFAULT_COST: ScryptCost = { log2N: 15, r: 8, p: 1 };
export const SALT_BYTES = 16;
export const HASH_BYTES = 32;

/** Bounded below, as a cheaper one could be guessed at, and above, as everybody waits while one is computed. */
export const PASSWORD_HASH_FORM =
  /^\$scrypt\$ln=(?<log2N>14|15|16),r=8,p=1\$(?<salt>[A-Za-z0-9+/]{21}[AQgw])\$(?<hash>[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048])$/;

export const PASSWORD_HASH_WORDS =
  "shall be a hash as `qkd password` writes it: $scrypt$ln=15,r=8,p=1$<salt>$<hash>, ln of 14 to 16";

/**
 * Of bounded length, and without NUL: scrypt begins with HMAC, which pads what it is keyed with by zeros, so that a secret
 * and the same with NULs behind it have one hash (RFC 2104 clause 2).
 */
export const isHashable = (secret: string): boolean => secret.length <= LIMITS.kmsSecretChars && !secret.includes("\0");

/** @returns null for a text of any other form */
export function readPasswordHash(text: string): PasswordHash | null {
  const { log2N, salt, hash } = PASSWORD_HASH_FORM.exec(text)?.groups ?? {};
  const saltBytes = fromBase64(`${salt ?? ""}==`);
  const hashBytes = fromBase64(`${hash ?? ""}=`);
  if (log2N === undefined || saltBytes === null || hashBytes === null) return null;
  return { log2N: Number(log2N), r: 8, p: 1, salt: saltBytes, hash: hashBytes };
}

export const writePasswordHash = ({ log2N, r, p, salt, hash }: PasswordHash): string =>
  `$scrypt$ln=${log2N},r=${r},p=${p}$${withoutPadding(salt)}$${withoutPadding(hash)}`;

const withoutPadding = (bytes: Uint8Array): string => toBase64(bytes).replaceAll("=", "");
