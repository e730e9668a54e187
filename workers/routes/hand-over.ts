/** What the two ends of a link tell each other, over its pool, of the keys that a device has for both. */
import { BlockKeyIdsSchema } from "../../shared/api/schemas.ts";
import { fail } from "../../shared/errors/errors.ts";
import { parseMembers } from "../../shared/errors/members.ts";
import type { KeyId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { readJson } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { blockIdOf, pushingEnd } from "./link-parts.ts";
import { queryInteger } from "./query.ts";

export async function putBlockKeyIds(call: AuthenticatedCall): Reply {
  const end = pushingEnd(call);
  if (!end.ok) return end;
  const block = blockIdOf(call);
  if (!block.ok) return block;
  const body = await readJson(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  const told = parseMembers(BlockKeyIdsSchema, body.value, "the key IDs");
  if (!told.ok) return told;
  const keyIds = told.value.key_ids.map((id) => id.toLowerCase() as KeyId);
  if (new Set(keyIds).size !== keyIds.length) return fail("bad-request", "key_ids: holds an id twice");
  if (keyIds[0] !== (block.value as string)) {
    return fail("bad-request", "key_ids: the first shall be the block's id");
  }
  const { pool, from } = end.value;
  const outcome = await answerOf(() => pool().putKeyIds({ ...from, block: block.value, keyIds }));
  return outcome.ok ? ok(respondJson({ outcome: outcome.value })) : outcome;
}

export async function getAwaitedBlocks(call: AuthenticatedCall): Reply {
  const end = pushingEnd(call, "awaiting");
  if (!end.ok) return end;
  const after = queryInteger(call.query, "after", { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!after.ok) return after;
  const limit = queryInteger(call.query, "limit", { min: 1, max: LIMITS.awaitedBlocks });
  if (!limit.ok) return limit;
  const { pool, from } = end.value;
  const wanted = { after: after.value ?? 0, limit: limit.value ?? LIMITS.awaitedBlocks };
  const page = await answerOf(() => pool().awaitedBlocks({ ...from, ...wanted }));
  if (!page.ok) return page;
  const { blocks, next } = page.value;
  return ok(respondJson({ blocks: blocks.map(({ block, bits, keyIds }) => ({ block, bits, key_ids: keyIds })), next }));
}
