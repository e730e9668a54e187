/** The LegacyNode objects: hosted nodes, as their neighbours that run qkd-trusted-node know them. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { LegacyNodeRpc } from "../../shared/qkd-trusted-node/rpc.ts";
import type { Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { answerOf } from "./key-pool.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

/** @returns the object's own answer, or `unavailable` */
export const askLegacyNode = async <T>(
  env: Env,
  node: string,
  ask: (object: LegacyNodeRpc) => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> => await answerOf(async () => await ask(ids.get(env.LEGACY_NODE, node)));
