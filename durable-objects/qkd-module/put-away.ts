/** Key blocks go to the pool of the link's two nodes, which compares them with the other end's. */
import type { BlockId, NodeId } from "../../shared/ids.ts";
import type { KeyPoolRpc } from "../../shared/keypool/types.ts";
import type { QkdModule as Core } from "../../shared/qkd-module/module.ts";

export interface Intake {
  readonly pool: Pick<KeyPoolRpc, "ingest">;
  readonly node: NodeId;
  readonly configVersion: number;
  readonly principal: string;
  /** The pool has another block of that id. */
  readonly refused: (id: string, why: string) => void;
}

/**
 * Stops at the first that the pool does not take now. One that it has already was pushed before a crash.
 * @returns whether all are there
 */
export async function putAway(core: Core, intake: Intake): Promise<boolean> {
  const { pool, node, configVersion, principal, refused } = intake;
  for (const { id, bytes } of core.finished) {
    const outcome = await pool.ingest({ configVersion, principal, block: id as BlockId, node, bytes });
    if (!outcome.ok && outcome.error.code !== "conflict") return false;
    if (!outcome.ok) refused(id, outcome.error.message);
    core.putAway(id);
  }
  return true;
}
