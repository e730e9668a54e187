/** Which algorithms an entry asks for, and whether they go together: RFC 9061, RFC 8221. */
import {
  type Dialect,
  type Encryption,
  ENCRYPTIONS,
  encryptionOf,
  INTEGRITIES,
  type Integrity,
  integrityOf,
  keyBitsIn,
  keyBitsSaid,
  knownIn,
} from "./algorithms.ts";
import type { Findings } from "./faults.ts";
import type { SaConfig, SadConfig } from "./model.ts";

type EspAlgorithms = NonNullable<SaConfig["esp-algorithms"]>;
type SpdEncryption = NonNullable<EspAlgorithms["encryption"]>[number];

/** Defaults of the model, where they are looked at here. */
const SPD_ALGORITHM = 20;
export const SPD_KEY_BITS = 128;
const SAD_ALGORITHM = 12;
const SAD_INTEGRITY = 12;
/** IANA's number for none, and PF_KEY's. */
const NO_INTEGRITY = 0;

function encryptionAt(number: number, at: string, findings: Findings, { registry }: Dialect): Encryption | null {
  const algorithm = encryptionOf(number, registry);
  if (algorithm === null) {
    findings.fault(at, `${number} is no algorithm of ${registry}: ${knownIn(ENCRYPTIONS, registry)}`);
  } else if (algorithm.weak) findings.warn(at, `${algorithm.name} shall not be used any more (RFC 8221)`);
  return algorithm;
}

function integrityAt(number: number, at: string, findings: Findings, { registry }: Dialect): Integrity | null {
  const algorithm = integrityOf(number, registry);
  if (algorithm === null) {
    findings.fault(at, `${number} is no algorithm of ${registry}: ${knownIn(INTEGRITIES, registry)}`);
  } else if (algorithm.weak) findings.warn(at, `${algorithm.name} shall not be used any more (RFC 8221)`);
  return algorithm;
}

function overflowRule(algorithm: Encryption, overflows: boolean | undefined, at: string, findings: Findings): void {
  if (overflows === true && algorithm.counter) {
    findings.fault(`${at}/seq-overflow`, `shall be false with ${algorithm.name} (RFC 9061)`);
  }
}

/** @returns with key lengths in bits, and without what AEADs do not use */
export function spdAlgorithms(config: SaConfig, at: string, findings: Findings, dialect: Dialect): SaConfig {
  const algorithms = config["esp-algorithms"] ?? {};
  const path = `${at}/esp-algorithms`;
  const listed = (algorithms.encryption ?? []).map((one) => ({
    one,
    algorithm: encryptionAt(
      one["algorithm-type"] ?? SPD_ALGORITHM,
      `${path}/encryption/algorithm-type`,
      findings,
      dialect,
    ),
  }));
  for (const { algorithm } of listed) {
    if (algorithm !== null) overflowRule(algorithm, config["seq-overflow"], at, findings);
  }
  const integrity = (algorithms.integrity ?? []).filter((number) => number !== NO_INTEGRITY);
  for (const number of integrity) integrityAt(number, `${path}/integrity`, findings, dialect);
  const needsOne = listed.length === 0 || listed.some(({ algorithm }) => algorithm?.aead === false);
  if (needsOne && integrity.length === 0) findings.fault(`${path}/integrity`, unauthenticated(listed[0]?.algorithm));
  const isUnused = !needsOne && integrity.length > 0;
  if (isUnused) findings.warn(`${path}/integrity`, UNUSED);
  if (dialect.compat !== "none") return config;
  const encryption = listed.map(({ one, algorithm }) => inBits(one, algorithm, `${path}/encryption`, findings));
  const { integrity: _unused, ...others } = algorithms;
  const kept = isUnused ? others : algorithms;
  return { ...config, "esp-algorithms": algorithms.encryption === undefined ? kept : { ...kept, encryption } };
}

const UNUSED = "is not used with an AEAD algorithm: left out";
const unauthenticated = (algorithm: Encryption | null | undefined): string =>
  `is missing: ${algorithm?.name ?? "no encryption"} does not authenticate (RFC 8221 clause 5)`;

function inBits(one: SpdEncryption, algorithm: Encryption | null, at: string, findings: Findings): SpdEncryption {
  const length = one["key-length"];
  if (length === undefined || algorithm === null || algorithm.keyBits.length === 0) return one;
  const said = keyBitsSaid(algorithm, length);
  if (said === null) {
    findings.fault(`${at}/key-length`, `${algorithm.name} has keys of ${algorithm.keyBits.join(", ")} bits`);
    return one;
  }
  if (said.inBytes) findings.warn(`${at}/key-length`, `${length} is taken as bytes: ${said.bits} bits`);
  return { ...one, "key-length": said.bits };
}

/** @returns without what AEADs do not use */
export function sadAlgorithms(config: SadConfig, at: string, findings: Findings, dialect: Dialect): SadConfig {
  const sa = config["esp-sa"] ?? {};
  const path = `${at}/esp-sa`;
  const encryption = encryptionAt(
    sa.encryption?.["encryption-algorithm"] ?? SAD_ALGORITHM,
    `${path}/encryption/encryption-algorithm`,
    findings,
    dialect,
  );
  if (encryption === null) return config;
  overflowRule(encryption, config["seq-overflow"], at, findings);
  const number = sa.integrity?.["integrity-algorithm"];
  const leafPath = `${path}/integrity/integrity-algorithm`;
  if (!encryption.aead) {
    authenticated(encryption, number, leafPath, findings, dialect);
    return config;
  }
  if (sa.integrity === undefined) return config;
  if (number !== undefined && number !== NO_INTEGRITY) findings.warn(leafPath, UNUSED);
  if (dialect.compat === "qubip") return config;
  const { integrity: _unused, ...others } = sa;
  return { ...config, "esp-sa": others };
}

function authenticated(
  encryption: Encryption,
  number: number | undefined,
  at: string,
  findings: Findings,
  dialect: Dialect,
): void {
  if (number === undefined && dialect.registry !== "iana") {
    findings.fault(at, `is missing: its default, ${SAD_INTEGRITY}, is no number of ${dialect.registry}`);
  } else if (number === NO_INTEGRITY) findings.fault(at, unauthenticated(encryption));
  else integrityAt(number ?? SAD_INTEGRITY, at, findings, dialect);
}

/** What an SA is to be made of, of an entry that has been checked. */
export interface SaAlgorithms {
  readonly encryption: Encryption;
  /** Null with AEADs. */
  readonly integrity: Integrity | null;
  /** The key lengths that may be, the salt not counted; none: no key. */
  readonly keyBits: readonly number[];
}

/** @returns null for an entry that has not been checked by the same dialect */
export function algorithmsOf(config: SadConfig, { registry, compat }: Dialect): SaAlgorithms | null {
  const sa = config["esp-sa"] ?? {};
  const encryption = encryptionOf(sa.encryption?.["encryption-algorithm"] ?? SAD_ALGORITHM, registry);
  if (encryption === null) return null;
  const keyBits = keyBitsIn(encryption, compat);
  if (encryption.aead) return { encryption, integrity: null, keyBits };
  const integrity = integrityOf(sa.integrity?.["integrity-algorithm"] ?? SAD_INTEGRITY, registry);
  return integrity === null ? null : { encryption, integrity, keyBits };
}

/** Key length in bits that a policy asks of this algorithm; null: it does not have it. */
export function policyKeyBits(config: SaConfig, { name }: Encryption, { registry }: Dialect): number | null {
  for (const one of config["esp-algorithms"]?.encryption ?? []) {
    const algorithm = encryptionOf(one["algorithm-type"] ?? SPD_ALGORITHM, registry);
    if (algorithm?.name !== name) continue;
    return keyBitsSaid(algorithm, one["key-length"] ?? SPD_KEY_BITS)?.bits ?? null;
  }
  return null;
}
