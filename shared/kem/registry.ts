/**
 * The key encapsulation mechanisms, one row each: lengths, security category, which revision goes over the wire, and
 * where it may run.
 */
export interface KemRow {
  readonly publicKeyBytes: number;
  readonly secretKeyBytes: number;
  readonly ciphertextBytes: number;
  readonly sharedSecretBytes: number;
  /** NIST's security category. */
  readonly category: 1 | 2 | 3 | 5;
  /** Two ends understand each other where this is the same. liboqs 0.12, which hybridization modules have, has these too. */
  readonly wire: string;
  /**
   * What becomes of a ciphertext that was tampered with: another secret, or a fault. Classic-McEliece-6960119 and
   * -6960119f answer a fault too to the few that have bits where there are none to be.
   */
  readonly rejects: "implicitly" | "with-fault";
  /** `agent`: its slowest operation takes longer than an edge may stand still for. */
  readonly runs: "anywhere" | "agent";
}

type Lengths = readonly [publicKey: number, secretKey: number, ciphertext: number, sharedSecret: number];

const row = (
  [publicKeyBytes, secretKeyBytes, ciphertextBytes, sharedSecretBytes]: Lengths,
  category: KemRow["category"],
  wire: string,
  runs: KemRow["runs"],
  rejects: KemRow["rejects"] = "implicitly",
): KemRow => ({
  publicKeyBytes,
  secretKeyBytes,
  ciphertextBytes,
  sharedSecretBytes,
  category,
  wire,
  rejects,
  runs,
});

const MCELIECE = "mceliece-r4";
const HQC = "hqc-r4";
/** Before the salt of ISO's version. */
const FRODO = "frodo-r3";

export const KEMS = {
  "BIKE-L1": row([1541, 5223, 1573, 32], 1, "bike-r4", "agent"),
  "BIKE-L3": row([3083, 10105, 3115, 32], 3, "bike-r4", "agent"),
  "BIKE-L5": row([5122, 16494, 5154, 32], 5, "bike-r4", "agent"),
  "Classic-McEliece-348864": row([261120, 6492, 96, 32], 1, MCELIECE, "agent"),
  "Classic-McEliece-348864f": row([261120, 6492, 96, 32], 1, MCELIECE, "agent"),
  "Classic-McEliece-460896": row([524160, 13608, 156, 32], 3, MCELIECE, "agent"),
  "Classic-McEliece-460896f": row([524160, 13608, 156, 32], 3, MCELIECE, "agent"),
  "Classic-McEliece-6688128": row([1044992, 13932, 208, 32], 5, MCELIECE, "agent"),
  "Classic-McEliece-6688128f": row([1044992, 13932, 208, 32], 5, MCELIECE, "agent"),
  "Classic-McEliece-6960119": row([1047319, 13948, 194, 32], 5, MCELIECE, "agent"),
  "Classic-McEliece-6960119f": row([1047319, 13948, 194, 32], 5, MCELIECE, "agent"),
  "Classic-McEliece-8192128": row([1357824, 14120, 208, 32], 5, MCELIECE, "agent"),
  "Classic-McEliece-8192128f": row([1357824, 14120, 208, 32], 5, MCELIECE, "agent"),
  "HQC-128": row([2249, 2305, 4433, 64], 1, HQC, "agent", "with-fault"),
  "HQC-192": row([4522, 4586, 8978, 64], 3, HQC, "agent", "with-fault"),
  "HQC-256": row([7245, 7317, 14421, 64], 5, HQC, "agent", "with-fault"),
  Kyber512: row([800, 1632, 768, 32], 1, "kyber-r3", "anywhere"),
  Kyber768: row([1184, 2400, 1088, 32], 3, "kyber-r3", "anywhere"),
  Kyber1024: row([1568, 3168, 1568, 32], 5, "kyber-r3", "anywhere"),
  "ML-KEM-512": row([800, 1632, 768, 32], 1, "fips-203", "anywhere"),
  "ML-KEM-768": row([1184, 2400, 1088, 32], 3, "fips-203", "anywhere"),
  "ML-KEM-1024": row([1568, 3168, 1568, 32], 5, "fips-203", "anywhere"),
  sntrup761: row([1158, 1763, 1039, 32], 2, "sntrup761", "agent"),
  "FrodoKEM-640-AES": row([9616, 19888, 9720, 16], 1, FRODO, "agent"),
  "FrodoKEM-640-SHAKE": row([9616, 19888, 9720, 16], 1, FRODO, "agent"),
  "FrodoKEM-976-AES": row([15632, 31296, 15744, 24], 3, FRODO, "agent"),
  "FrodoKEM-976-SHAKE": row([15632, 31296, 15744, 24], 3, FRODO, "agent"),
  "FrodoKEM-1344-AES": row([21520, 43088, 21632, 32], 5, FRODO, "agent"),
  "FrodoKEM-1344-SHAKE": row([21520, 43088, 21632, 32], 5, FRODO, "agent"),
} as const satisfies Record<string, KemRow>;

export type KemName = keyof typeof KEMS;

export const KEM_NAMES = Object.keys(KEMS) as readonly KemName[];
