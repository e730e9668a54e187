/** The TrustedNode objects: how the network connects two nodes at present, and what nodes tell operators. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { ClearNodeAlarmsCall, NodeStatus } from "../../shared/relay/node-status.ts";
import type { RelayRoute, TrustedNodeRpc } from "../../shared/relay/types.ts";
import type { Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { AnnouncedSaes } from "./announced-saes.ts";
import { answerOf } from "./key-pool.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

const trustedNodeOf = (env: Env, node: NodeId): TrustedNodeRpc => ids.get(env.TRUSTED_NODE, node);

/** @param from hosted here @returns the paths from there, or why they are not known: `unavailable` */
export const relayRoute = async (
  env: Env,
  from: NodeId,
  call: Parameters<TrustedNodeRpc["routeTo"]>[0],
): Promise<Result<RelayRoute, Fault>> => await answerOf(() => trustedNodeOf(env, from).routeTo(call));

const announced = new AnnouncedSaes();

/** @param by hosted here @returns the node of another deployment that announces the SAE at present; null: none does */
export const announcingNode = async (
  env: Env,
  by: NodeId,
  call: Parameters<TrustedNodeRpc["nodeOf"]>[0],
): Promise<Result<NodeId | null, Fault>> =>
  await announced.nodeOf(by, call.sae, async () => await answerOf(() => trustedNodeOf(env, by).nodeOf(call)));

export const nodeStatus = async (
  env: Env,
  node: NodeId,
  call: Parameters<TrustedNodeRpc["status"]>[0],
): Promise<Result<NodeStatus, Fault>> => await answerOf(() => trustedNodeOf(env, node).status(call));

export const clearNodeAlarms = async (
  env: Env,
  node: NodeId,
  call: ClearNodeAlarmsCall,
): Promise<Result<{ readonly cleared: number }, Fault>> =>
  await answerOf(() => trustedNodeOf(env, node).clearAlarms(call));
