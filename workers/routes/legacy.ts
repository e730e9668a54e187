/** What neighbours that run qkd-trusted-node ask, in its own JSON. */
import type * as v from "valibot";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { legacyViewOf } from "../../shared/network/legacy-view.ts";
import {
  DiscoverRequestSchema,
  ExtKeysRequestSchema,
  VERSIONS,
  VoidRequestSchema,
} from "../../shared/qkd-trusted-node/messages.ts";
import type { Asked, LegacyNodeRpc } from "../../shared/qkd-trusted-node/rpc.ts";
import { ok, type Result } from "../../shared/result.ts";
import { askLegacyNode } from "../clients/legacy-node.ts";
import { readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

export const getLegacyVersions = async (): Reply => await Promise.resolve(ok(respondJson(VERSIONS)));

export const postLegacyDiscover = async (call: AuthenticatedCall): Reply =>
  await answer(call, DiscoverRequestSchema, async (object, asked) => await object.discover(asked));

export const postLegacyExtKeys = async (call: AuthenticatedCall): Reply =>
  await answer(call, ExtKeysRequestSchema, async (object, asked) => await object.extKeys(asked));

export const postLegacyVoid = async (call: AuthenticatedCall): Reply =>
  await answer(call, VoidRequestSchema, async (object, asked) => await object.fetchKeys(asked));

async function answer<Schema extends v.GenericSchema, T>(
  call: AuthenticatedCall,
  schema: Schema,
  ask: (object: LegacyNodeRpc, asked: Asked<v.InferOutput<Schema>>) => Promise<Result<T, Fault>>,
): Reply {
  const { lookup, grant } = call.caller;
  const { principal } = grant;
  if (principal.role !== "legacy") return fail("forbidden", "for neighbours that run qkd-trusted-node");
  const view = legacyViewOf(lookup, principal.node);
  if (view === null) return fail("not-found", "the node is not hosted here");
  const request = await readMembers(call, schema);
  if (!request.ok) return request;
  const asked = { view, from: principal.id, request: request.value };
  const answered = await askLegacyNode(call.env, view.node, async (object) => await ask(object, asked));
  return answered.ok ? ok(respondJson(answered.value)) : answered;
}
