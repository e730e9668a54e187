/**
 * The hash chain of an audit log: each hash covers the one before, so that nothing can be changed, removed or put in
 * between without every later hash changing too. Records that came together are hashed in bundles: those of a bundle
 * bear the same hash, and each a checksum by which a change shows to the record.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { toHex } from "../bytes/hex.ts";
import { crc32 } from "./crc32.ts";
import type { AuditRecord } from "./event.ts";
import { recordText, type UnchainedRecord } from "./record-text.ts";

/** What stands before the first record. */
export const CHAIN_START = "0".repeat(64);

/** SHA-256 hex over the previous hash (as text) and the texts of a bundle, a line each. The log does it natively. */
export function chainHash(previousHash: string, bundle: readonly UnchainedRecord[]): string {
  return toHex(sha256(utf8ToBytes(previousHash + bundle.map(recordText).join("\n"))));
}

/**
 * Checks records as read from a log, in order. A page ends with a bundle, unless it was asked for fewer records than
 * the bundle has: such pages are put together first.
 *
 * @param previousHash hash of the record before the first one given; `CHAIN_START` before index 1.
 * @returns index of the first record that does not fit, or null when all do.
 */
export function firstBreak(records: readonly AuditRecord[], previousHash: string = CHAIN_START): number | null {
  let hash = previousHash;
  let index = records[0]?.index ?? 1;
  for (const bundle of bundlesOf(records)) {
    for (const record of bundle) {
      if (record.index !== index || !isAsWritten(record)) return record.index;
      index += 1;
    }
    const [first] = bundle;
    if (first.hash !== chainHash(hash, bundle)) return first.index;
    ({ hash } = first);
  }
  return null;
}

type Bundle = [AuditRecord, ...AuditRecord[]];

/** Neighbours with the same hash. */
function bundlesOf(records: readonly AuditRecord[]): Bundle[] {
  const bundles: Bundle[] = [];
  for (const record of records) {
    const last = bundles.at(-1);
    if (last?.[0].hash === record.hash) last.push(record);
    else bundles.push([record]);
  }
  return bundles;
}

const isAsWritten = (record: AuditRecord): boolean =>
  record.check === undefined || record.check === crc32(recordText(record));
