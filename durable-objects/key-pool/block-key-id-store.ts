/** All of the pool's SQL on the key IDs of blocks. A trigger forgets those of blocks that no longer wait. */
import type { BlockId, KeyId, NodeId } from "../../shared/ids.ts";
import type { AwaitedBlock } from "../../shared/keypool/types.ts";
import { type Database, storedJson } from "../storage/database.ts";

/** With the block's number, by which pages are told. */
export type NumberedBlock = AwaitedBlock & { readonly seq: number };

export class BlockKeyIdStore {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  of(block: number): readonly KeyId[] | undefined {
    const row = this.#db.one<{ key_ids: string }>("SELECT key_ids FROM block_key_ids WHERE block = ?", block);
    return row === undefined ? undefined : storedJson<KeyId[]>(row.key_ids);
  }

  put(block: number, keyIds: readonly KeyId[]): void {
    this.#db.run("INSERT INTO block_key_ids (block, key_ids) VALUES (?, ?)", block, JSON.stringify(keyIds));
  }

  /** Blocks of `pushedBy` alone, by number, from beyond `after` on. */
  waiting(pushedBy: NodeId, after: number, limit: number): NumberedBlock[] {
    const rows = this.#db.all<{ seq: number; id: string; bits: number; key_ids: string }>(
      `SELECT b.seq, b.id, b.bits, k.key_ids FROM block_key_ids k JOIN block b ON b.seq = k.block
       WHERE k.block > ? AND b.state = 'unmatched' AND b.node = ? ORDER BY k.block LIMIT ?`,
      after,
      pushedBy,
      limit,
    );
    return rows.map(({ seq, id, bits, key_ids: keyIds }) => ({
      seq,
      block: id as BlockId,
      bits,
      keyIds: storedJson<KeyId[]>(keyIds),
    }));
  }
}
