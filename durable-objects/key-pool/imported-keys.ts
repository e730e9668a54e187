/** Keys of others' making, as records of this pool: of another pool for a multicast, or of another KMS. */
import type { ImportCall } from "../../shared/keypool/types.ts";
import { type PoolContext, servedHere } from "./context.ts";
import { initialLeft } from "./left.ts";
import { type KeyRecord, NO_BLOCK, UNTOUCHED } from "./rows.ts";

type Imported = Pick<
  ImportCall,
  "nonce" | "master" | "masterNode" | "recipients" | "keys" | "sizeBytes" | "bytes" | "expiresMs"
>;

/** Inside a commit: keys of another's making, which their recipients may fetch from now on. @returns their record's number */
export function insertImported(pool: PoolContext, keys: Imported): number {
  const unit = pool.books.nextUnit();
  const id = pool.books.totals.nextRecord;
  const { length } = keys.bytes;
  pool.books.count({ nextRecord: id + 1, imported: pool.books.totals.imported + length * 8 });
  pool.books.insertUnit({
    id: unit,
    block: NO_BLOCK,
    offset: 0,
    length,
    ...UNTOUCHED,
    cursor: length,
    state: "import",
    owner: keys.masterNode,
    data: pool.vault.seal(keys.bytes),
  });
  const record: KeyRecord = {
    id,
    nonce: keys.nonce,
    state: "pending",
    master: keys.master,
    masterNode: keys.masterNode,
    recipients: keys.recipients,
    keys: keys.keys,
    sizeBytes: keys.sizeBytes,
    segments: [{ unit, offset: 0, length }],
    left: initialLeft(servedHere(pool, keys.masterNode, keys.recipients), keys.keys),
    imported: true,
    policyVersion: pool.config().version,
    expiresMs: keys.expiresMs,
    holdUntilMs: 0,
    announced: null,
    chunks: null,
    hop: null,
  };
  pool.records.insert(record);
  pool.useLease(keys.keys);
  pool.books.reference(record.segments);
  return id;
}
