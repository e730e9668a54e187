/** How much key an SA needs, and for what: by the algorithm's table, never by what happens to be there. */
import { err, ok, type Result } from "../result.ts";
import { algorithmsOf, policyKeyBits, type SaAlgorithms } from "./algorithm-rules.ts";
import { type Dialect, type Encryption, integrityOf } from "./algorithms.ts";
import type { DroppedKeys } from "./entry.ts";
import type { EntryFault } from "./faults.ts";
import type { SadEntry, SpdEntry } from "./model.ts";

export interface KeyLayout {
  /** Of the cipher, the salt not counted; 0: it has no key. */
  readonly encryptionBytes: number;
  /** At the end of the same leaf. */
  readonly saltBytes: number;
  /** 0 with AEADs. */
  readonly integrityBytes: number;
  /** One key of `encryptionBytes` as key, IV and integrity key, as QUBIP's proxy agent lays it: `compat: "qubip"`. */
  readonly thrice: boolean;
}

/** Octets of key that go into an SA. */
export const keyBytesOf = ({ encryptionBytes, saltBytes, integrityBytes, thrice }: KeyLayout): number =>
  thrice ? encryptionBytes : encryptionBytes + saltBytes + integrityBytes;

/** From where a key's length may be known: the SAD has no leaf for it. */
export interface KeyHints {
  /** Of the entry itself. */
  readonly dropped: DroppedKeys;
  /** Of the same host: those of the same reqid count. */
  readonly policies: readonly SpdEntry[];
}

export interface LaidOut {
  readonly layout: KeyLayout;
  readonly notes: readonly string[];
}

/** QUBIP's proxy agent asks for so much, whatever the algorithm. */
const QUBIP_KEY_BYTES = 20;

/**
 * The length of the cipher's key, where the algorithm leaves a choice, is that of the key that stood in the entry
 * (RFC 9061: "determined by the length of the key set in this leaf"); else the policy's of the same reqid (its default is
 * 128 bits); else the longest there is. Where `compat` leaves one only, it is that.
 */
export function keyLayoutOf(entry: SadEntry, dialect: Dialect, hints: KeyHints): Result<LaidOut, EntryFault> {
  const algorithms = algorithmsOf(entry["ipsec-sa-config"], dialect);
  if (algorithms === null) {
    const path = `sad-entry[${entry.name}]/ipsec-sa-config/esp-sa`;
    return err({ path, message: `asks for an algorithm that ${dialect.registry} does not have` });
  }
  if (dialect.compat === "qubip") return ok({ layout: QUBIP_LAYOUT, notes: [QUBIP_NOTE] });
  const { bits, note } = cipherBits(algorithms, entry, dialect, hints);
  const layout = {
    encryptionBytes: bits / 8,
    saltBytes: algorithms.encryption.saltBytes,
    integrityBytes: algorithms.integrity?.keyBytes ?? 0,
    thrice: false,
  };
  const notes = [note, registryNote(algorithms, dialect, hints)].filter((text) => text !== null);
  return ok({ layout, notes });
}

/** A controller that sends PF_KEY's numbers is found out by its keys, which are then longer than the algorithm's. */
function registryNote({ integrity }: SaAlgorithms, { registry }: Dialect, { dropped }: KeyHints): string | null {
  const { integrityBytes } = dropped;
  const number = integrity?.numbers[registry];
  if (registry !== "iana" || integrity === null || integrityBytes === null || number === undefined) return null;
  const other = integrityOf(number, "pfkey");
  if (other?.keyBytes !== integrityBytes || integrity.keyBytes === integrityBytes) return null;
  return `${number} is ${integrity.name}, but the key that came along is as long as one of ${other.name}: does the controller mean registry pfkey?`;
}

const QUBIP_LAYOUT: KeyLayout = {
  encryptionBytes: QUBIP_KEY_BYTES,
  saltBytes: 0,
  integrityBytes: QUBIP_KEY_BYTES,
  thrice: true,
};
const QUBIP_NOTE = "compat qubip: one key of 20 bytes is encryption key, IV and integrity key at once; not for traffic";

interface CipherBits {
  readonly bits: number;
  readonly note: string | null;
}

function cipherBits(
  { encryption, keyBits }: SaAlgorithms,
  entry: SadEntry,
  dialect: Dialect,
  { dropped, policies }: KeyHints,
): CipherBits {
  const { name } = encryption;
  const longest = keyBits.at(-1) ?? 0;
  if (dialect.compat !== "none" && keyBits.length < encryption.keyBits.length) {
    return {
      bits: longest,
      note: `compat ${dialect.compat}: ${name} with ${longest} bits, as that agent takes no other`,
    };
  }
  if (keyBits.length < 2) return { bits: longest, note: null };
  const posted = bitsOfDropped(encryption, dropped);
  if (posted !== null) return { bits: posted, note: null };
  const asked = policies
    .filter(({ reqid = NO_LINK }) => reqid !== NO_LINK && reqid === entry.reqid)
    .map((policy) => bitsOfPolicy(policy, encryption, dialect))
    .find((bits) => bits !== null);
  if (asked !== undefined) return { bits: asked, note: null };
  return { bits: longest, note: `nothing says how long the key of ${name} is to be: ${longest} bits` };
}

/** A reqid's default: by it nothing is linked. */
const NO_LINK = "0";

/** With its salt, as RFC 9061 has it, or without. */
function bitsOfDropped({ keyBits, saltBytes }: Encryption, { encryptionBytes }: DroppedKeys): number | null {
  if (encryptionBytes === null) return null;
  return (
    [encryptionBytes - saltBytes, encryptionBytes].map((bytes) => bytes * 8).find((bits) => keyBits.includes(bits)) ??
    null
  );
}

function bitsOfPolicy(policy: SpdEntry, encryption: Encryption, dialect: Dialect): number | null {
  const config = policy["ipsec-policy-config"]["processing-info"]?.["ipsec-sa-cfg"];
  return config === undefined ? null : policyKeyBits(config, encryption, dialect);
}
