/**
 * How secrets of several sources become one key, as `hybridization=` of a URI names it. One row a method; what it does
 * is in combiners/.
 */
import { LIMITS } from "../limits.ts";

export interface MethodRow {
  /** `legacy`: the hybridization module's own, over the bare secrets. `kdf`: bound to a transcript of the session. */
  readonly family: "legacy" | "kdf";
  /** Has it keys with which the two ends can show each other that they made the same? */
  readonly confirms: boolean;
  /** Chunks that one exchange of KEM keys may serve: a method without an index needs a fresh one each time. */
  readonly chunksPerEpoch: number;
  /** Other spellings in circulation. */
  readonly aliases: readonly string[];
}

const legacy = (...aliases: string[]) => ({ family: "legacy", confirms: false, chunksPerEpoch: 1, aliases }) as const;
const kdf = { family: "kdf", confirms: true, chunksPerEpoch: LIMITS.hybridEpochChunks, aliases: [] } as const;

export const METHODS = {
  xoring: legacy("xor"),
  hmac: legacy(),
  xorhmac: legacy("xormac"),
  /** ETSI TS 103 744 clause 8.2. */
  "cat-kdf": kdf,
  /** ETSI TS 103 744 clause 8.3. */
  "cas-kdf": kdf,
  "qkdedge-hkdf-v1": kdf,
} as const satisfies Record<string, MethodRow>;

export type MethodName = keyof typeof METHODS;
export type LegacyMethod = {
  [Name in MethodName]: (typeof METHODS)[Name]["family"] extends "legacy" ? Name : never;
}[MethodName];
export type KdfMethod = Exclude<MethodName, LegacyMethod>;

export const isLegacy = (method: MethodName): method is LegacyMethod => METHODS[method].family === "legacy";

export const isKdf = (method: MethodName): method is KdfMethod => METHODS[method].family === "kdf";

export const METHOD_NAMES = Object.keys(METHODS) as readonly MethodName[];

/** Of a URI that names none. */
export const DEFAULT_METHOD: MethodName = "qkdedge-hkdf-v1";

const BY_NAME = new Map<string, MethodName>(
  METHOD_NAMES.flatMap((name) => [name, ...METHODS[name].aliases].map((spelling) => [spelling, name] as const)),
);

/** In any case; null where there is no such method. */
export const methodNamed = (text: string): MethodName | null => BY_NAME.get(text.toLowerCase()) ?? null;
