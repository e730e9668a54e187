/** Audit logs: their records page by page, their checkpoints, and the keys that sign those. */
import * as v from "valibot";
import type { AuditLogRpc, AuditLogState } from "../../shared/audit/event.ts";
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { instant } from "../../shared/instant.ts";
import { LIMITS } from "../../shared/limits.ts";
import { PlainIdSchema } from "../../shared/network/plain-id.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { ok, type Result } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { queryInteger } from "./query.ts";

const DEFAULT_RECORDS = 100;

interface Log {
  readonly node: string;
  readonly log: AuditLogRpc;
}

/** The log that is asked for. That of a node which was removed from the network stays. */
async function logOf({ query, caller, env }: AuthenticatedCall): Promise<Result<Log, Fault>> {
  const node = query.get("node") ?? DEPLOYMENT_LOG;
  if (!v.is(PlainIdSchema, node)) return NO_LOG;
  const log = env.AUDIT_LOG.getByName(node);
  if (node === DEPLOYMENT_LOG || caller.lookup.nodesById.has(node)) return ok({ node, log });
  const state = await answerOf(async () => ok(await log.state()));
  if (!state.ok) return state;
  return state.value.head.index === 0 ? NO_LOG : ok({ node, log });
}

const NO_LOG = fail("not-found", "no such node, nor a log of one");

/** What of the log is asked for: `after` a number, and at most so many. */
function pageOf(
  { query }: AuthenticatedCall,
  most: number,
  usual: number,
): Result<{ after: number; limit: number }, Fault> {
  const after = queryInteger(query, "after", { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!after.ok) return after;
  const limit = queryInteger(query, "limit", { min: 1, max: most });
  if (!limit.ok) return limit;
  return ok({ after: after.value ?? 0, limit: limit.value ?? usual });
}

export async function getAudit(call: AuthenticatedCall): Reply {
  const asked = await logOf(call);
  if (!asked.ok) return asked;
  const wanted = pageOf(call, LIMITS.auditReadRecords, DEFAULT_RECORDS);
  if (!wanted.ok) return wanted;
  const page = await answerOf(async () => ok(await asked.value.log.read(wanted.value)));
  if (!page.ok) return page;
  const records = page.value.records.map(({ atMs, ...record }) => ({ ...record, at: instant(atMs) }));
  return ok(respondJson({ records, next: page.value.next }));
}

export async function getAuditCheckpoints(call: AuthenticatedCall): Reply {
  const asked = await logOf(call);
  if (!asked.ok) return asked;
  const wanted = pageOf(call, LIMITS.auditCheckpointsRead, LIMITS.auditCheckpointsRead);
  if (!wanted.ok) return wanted;
  const { node, log } = asked.value;
  const found = await answerOf(async () => {
    // The state first: what it tells of is in the records that are read after it.
    const state = await log.state();
    return ok({ state, page: await log.checkpoints(wanted.value) });
  });
  if (!found.ok) return found;
  return ok(respondJson({ ...stateBody(node, found.value.state), ...found.value.page }));
}

export async function postAuditCheckpoint(call: AuthenticatedCall): Reply {
  const asked = await logOf(call);
  if (!asked.ok) return asked;
  const { node, log } = asked.value;
  const state = await answerOf(async () => await log.makeCheckpoint());
  return state.ok ? ok(respondJson(stateBody(node, state.value))) : state;
}

export async function getAuditKeys(call: AuthenticatedCall): Reply {
  const asked = await logOf(call);
  if (!asked.ok) return asked;
  const { node, log } = asked.value;
  const keys = await answerOf(async () => ok(await log.keys()));
  return keys.ok ? ok(respondJson({ node, keys: keys.value })) : keys;
}

const stateBody = (node: string, { head, start, checkpoint, isSigned }: AuditLogState) => ({
  node,
  head,
  start,
  checkpoint,
  signed: isSigned,
});
