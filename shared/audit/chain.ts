/**
 * The hash chain of an audit log: each record's hash covers the one before, so that nothing can be changed, removed or
 * put in between without every later hash changing too.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { toHex } from "../bytes/hex.ts";
import type { AuditRecord } from "./event.ts";
import { recordText } from "./record-text.ts";

/** What stands before the first record. */
export const CHAIN_START = "0".repeat(64);

/** SHA-256 hex over the previous hash (as text) and the record's text. The log itself does the same natively. */
export function chainHash(previousHash: string, record: Omit<AuditRecord, "hash">): string {
  return toHex(sha256(utf8ToBytes(previousHash + recordText(record))));
}

/**
 * Checks records as read from a log, in order.
 *
 * @param previousHash hash of the record before the first one given; `CHAIN_START` before index 1.
 * @returns index of the first record that does not fit, or null when all do.
 */
export function firstBreak(records: readonly AuditRecord[], previousHash: string = CHAIN_START): number | null {
  let hash = previousHash;
  let index = records[0]?.index ?? 1;
  for (const record of records) {
    if (record.index !== index || record.hash !== chainHash(hash, record)) return record.index;
    ({ hash } = record);
    index += 1;
  }
  return null;
}
