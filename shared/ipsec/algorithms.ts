/**
 * Algorithms of ESP: the numbers that IANA gives them (IKEv2 transform types 1 and 3, which RFC 9061 means) and those of
 * Linux's PF_KEY (`linux/pfkeyv2.h`), which CCIPS controllers and agents send instead; and the lengths of their keys.
 * "5" is AES-XCBC-96 by the one and HMAC-SHA2-256-128 by the other.
 */

export const REGISTRIES = ["iana", "pfkey"] as const;
export type Registry = (typeof REGISTRIES)[number];

/**
 * `none`: RFC 9061. `ccips-agent`: what an IPsec host under that agent takes, whatever the RFC says. `qubip`: besides, on
 * the wire what QUBIP's proxy agent writes, one key of 20 bytes used three times: to compare with, never for traffic.
 */
export const COMPATS = ["none", "ccips-agent", "qubip"] as const;
export type Compat = (typeof COMPATS)[number];

/** How a node's controller and its IPsec host speak. */
export interface Dialect {
  readonly registry: Registry;
  readonly compat: Compat;
}
export const RFC_9061: Dialect = { registry: "iana", compat: "none" };

type Numbers = { readonly [Name in Registry]?: number };

export interface Encryption {
  readonly name: string;
  readonly numbers: Numbers;
  /** Lengths of the key, the salt not counted, from the shortest. None: it has no key. */
  readonly keyBits: readonly number[];
  /** At the end of the `key` leaf: the part of the nonce that stays (RFC 3686, 4106, 4309, 4543, 7634). */
  readonly saltBytes: number;
  readonly aead: boolean;
  /** Counter modes lose everything where a number comes twice: seq-overflow shall be false. */
  readonly counter: boolean;
  /** RFC 8221 clause 5: MUST NOT or SHOULD NOT. */
  readonly weak: boolean;
}

export interface Integrity {
  readonly name: string;
  readonly numbers: Numbers;
  readonly keyBytes: number;
  readonly weak: boolean;
}

const AES_BITS = [128, 192, 256] as const;
const both = (number: number): Numbers => ({ iana: number, pfkey: number });

const block = (name: string, numbers: Numbers, keyBits: readonly number[], weak = false): Encryption => ({
  name,
  numbers,
  keyBits,
  saltBytes: 0,
  aead: false,
  counter: false,
  weak,
});
const aead = (
  name: string,
  numbers: Numbers,
  saltBytes: number,
  keyBits: readonly number[] = AES_BITS,
): Encryption => ({
  name,
  numbers,
  keyBits,
  saltBytes,
  aead: true,
  counter: true,
  weak: false,
});

export const ENCRYPTIONS: readonly Encryption[] = [
  block("des-cbc", both(2), [64], true),
  block("3des-cbc", both(3), [192], true),
  block("cast-cbc", both(6), [128], true),
  block("blowfish-cbc", both(7), [128, 192, 256, 320, 384, 448], true),
  block("null", both(11), []),
  block("aes-cbc", both(12), AES_BITS),
  { ...aead("aes-ctr", both(13), 4), aead: false },
  aead("aes-ccm-8", both(14), 3),
  aead("aes-ccm-12", both(15), 3),
  aead("aes-ccm-16", both(16), 3),
  aead("aes-gcm-8", both(18), 4),
  aead("aes-gcm-12", both(19), 4),
  aead("aes-gcm-16", both(20), 4),
  aead("null-aes-gmac", { iana: 21, pfkey: 23 }, 4),
  block("camellia-cbc", { iana: 23, pfkey: 22 }, AES_BITS),
  aead("chacha20-poly1305", { iana: 28 }, 4, [256]),
  aead("aes-ccm-8-iiv", { iana: 29 }, 3),
  aead("aes-gcm-16-iiv", { iana: 30 }, 4),
  aead("chacha20-poly1305-iiv", { iana: 31 }, 4, [256]),
];

const mac = (name: string, numbers: Numbers, keyBytes: number, weak = false): Integrity => ({
  name,
  numbers,
  keyBytes,
  weak,
});

export const INTEGRITIES: readonly Integrity[] = [
  mac("none", both(0), 0),
  mac("hmac-md5-96", { iana: 1, pfkey: 2 }, 16, true),
  mac("hmac-sha1-96", { iana: 2, pfkey: 3 }, 20),
  mac("aes-xcbc-96", { iana: 5, pfkey: 9 }, 16),
  mac("hmac-md5-128", { iana: 6 }, 16, true),
  mac("hmac-sha1-160", { iana: 7 }, 20),
  mac("aes-cmac-96", { iana: 8 }, 16),
  mac("aes-128-gmac", { iana: 9 }, 20),
  mac("aes-192-gmac", { iana: 10 }, 28),
  mac("aes-256-gmac", { iana: 11 }, 36),
  mac("hmac-sha2-256-128", { iana: 12, pfkey: 5 }, 32),
  mac("hmac-sha2-384-192", { iana: 13, pfkey: 6 }, 48),
  mac("hmac-sha2-512-256", { iana: 14, pfkey: 7 }, 64),
  mac("hmac-ripemd160-96", { pfkey: 8 }, 20, true),
];

const byNumber = <Row extends { readonly numbers: Numbers }>(rows: readonly Row[], registry: Registry) =>
  new Map(rows.flatMap((row) => (row.numbers[registry] === undefined ? [] : [[row.numbers[registry], row] as const])));

const ENCRYPTION_OF = { iana: byNumber(ENCRYPTIONS, "iana"), pfkey: byNumber(ENCRYPTIONS, "pfkey") };
const INTEGRITY_OF = { iana: byNumber(INTEGRITIES, "iana"), pfkey: byNumber(INTEGRITIES, "pfkey") };

/** @returns null where the registry has no such number, or ESP cannot do it */
export const encryptionOf = (number: number, registry: Registry): Encryption | null =>
  ENCRYPTION_OF[registry].get(number) ?? null;
export const integrityOf = (number: number, registry: Registry): Integrity | null =>
  INTEGRITY_OF[registry].get(number) ?? null;

export const encryptionNamed = (name: string): Encryption | null =>
  ENCRYPTIONS.find((row) => row.name === name) ?? null;
export const integrityNamed = (name: string): Integrity | null => INTEGRITIES.find((row) => row.name === name) ?? null;

/** "12 aes-cbc, 20 aes-gcm-16", for faults. */
export const knownIn = (rows: readonly (Encryption | Integrity)[], registry: Registry): string =>
  rows
    .flatMap(({ name, numbers }) => (numbers[registry] === undefined ? [] : [`${numbers[registry]} ${name}`]))
    .join(", ");

/** What the CCIPS agent declares to the kernel whatever the key's length: other keys it pads with zeros, or refuses. */
const CCIPS_AGENT_BITS: Readonly<Record<string, number>> = { "aes-cbc": 256, "aes-gcm-16": 128 };

/** The key lengths that may be, the salt not counted. */
export function keyBitsIn({ name, keyBits }: Encryption, compat: Compat): readonly number[] {
  const only = compat === "none" ? undefined : CCIPS_AGENT_BITS[name];
  return only === undefined ? keyBits : [only];
}

/**
 * A key's length in bits, from what a key-length leaf says: bits by RFC 9061, bytes (with a salt or without) by CCIPS
 * controllers. The two do not meet but at 64, which is DES's length in bits.
 * @returns null where the algorithm has no such length
 */
export function keyBitsSaid(
  { keyBits, saltBytes }: Encryption,
  said: number,
): { readonly bits: number; readonly inBytes: boolean } | null {
  if (keyBits.length === 0) return { bits: 0, inBytes: false };
  const asBytes = [said, said - saltBytes].find((bytes) => keyBits.includes(bytes * 8));
  if (asBytes !== undefined && said <= BYTES_MOST) return { bits: asBytes * 8, inBytes: true };
  return keyBits.includes(said) ? { bits: said, inBytes: false } : null;
}
const BYTES_MOST = 64;
