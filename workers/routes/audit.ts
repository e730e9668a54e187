/** A node's audit log, page by page. */
import { fail } from "../../shared/errors/errors.ts";
import { LIMITS } from "../../shared/limits.ts";
import { DEPLOYMENT_LOG } from "../../shared/network/reserved.ts";
import { ok } from "../../shared/result.ts";
import { answerOf } from "../clients/key-pool.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { queryInteger } from "./query.ts";

const DEFAULT_RECORDS = 100;

export async function getAudit(call: AuthenticatedCall): Reply {
  const node = call.query.get("node") ?? DEPLOYMENT_LOG;
  if (node !== DEPLOYMENT_LOG && !call.caller.lookup.nodesById.has(node)) return fail("not-found", "no such node");
  const after = queryInteger(call.query, "after", { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!after.ok) return after;
  const limit = queryInteger(call.query, "limit", { min: 1, max: LIMITS.auditReadRecords });
  if (!limit.ok) return limit;
  const page = await answerOf(async () =>
    ok(
      await call.env.AUDIT_LOG.getByName(node).read({
        after: after.value ?? 0,
        limit: limit.value ?? DEFAULT_RECORDS,
      }),
    ),
  );
  if (!page.ok) return page;
  const records = page.value.records.map(({ atMs, ...record }) => ({ ...record, at: new Date(atMs).toISOString() }));
  return ok(respondJson({ records, next: page.value.next }));
}
