/** The KeyStream objects: one for each end's half of a key stream. */
import type { KeyStreamRpc, Ksid } from "../../shared/etsi004/types.ts";
import { streamName } from "../../shared/etsi004/types.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { Env } from "../env.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

export const streamOf = (env: Env, ksid: Ksid, node: NodeId): KeyStreamRpc =>
  ids.get(env.KEY_STREAM, streamName(ksid, node));
