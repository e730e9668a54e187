/** The ProxyAgent objects: hosted nodes with an IPsec host. */
import type { Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import type { ProxyAgentRpc } from "../../shared/ipsec/types.ts";
import type { Result } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { answerOf } from "./key-pool.ts";
import { ObjectIds } from "./object-ids.ts";

const ids = new ObjectIds();

/** @returns the object's own answer, or `unavailable` */
export const askProxyAgent = async <T>(
  env: Env,
  node: NodeId,
  ask: (object: ProxyAgentRpc) => Promise<Result<T, Fault>>,
): Promise<Result<T, Fault>> => await answerOf(async () => await ask(ids.get(env.PROXY_AGENT, node)));
