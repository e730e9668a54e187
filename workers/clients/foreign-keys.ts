/** Where keys of KMSs of others lie: in shard 0 of the pair of the KMS's node and the target's. */
import type { ForeignKeysRpc } from "../../shared/etsi020/types.ts";
import { type NodeId, pairName, pairOf, poolName } from "../../shared/ids.ts";
import type { Env } from "../env.ts";

export const FOREIGN_SHARD = 0;

export const foreignPoolOf = (env: Env, peerNode: NodeId, targetNode: NodeId): ForeignKeysRpc =>
  env.KEY_POOL.getByName(poolName(pairName(pairOf(peerNode, targetNode)), FOREIGN_SHARD));
