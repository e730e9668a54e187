/** The list of what is revoked: it only grows. */
import { RevocationRequestSchema } from "../../shared/api/schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import type { Revocation } from "../../shared/network/directory-types.ts";
import { ok } from "../../shared/result.ts";
import { directoryOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import { readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";

const written = ({ kind, value, reason, atMs, by }: Revocation) => ({
  kind,
  value,
  reason,
  at: new Date(atMs).toISOString(),
  by,
});

export async function getRevocations({ caller }: AuthenticatedCall): Reply {
  return await Promise.resolve(ok(respondJson({ revocations: caller.lookup.snapshot.revocations.map(written) })));
}

export async function postRevocations(call: AuthenticatedCall): Reply {
  const wish = await readMembers(call, RevocationRequestSchema);
  if (!wish.ok) return wish;
  const by = principalName(call.caller.grant.principal);
  const revoked = await answerOf(() => directoryOf(call.env).revoke({ ...wish.value, by }));
  return revoked.ok ? ok(respondJson(written(revoked.value), 201)) : revoked;
}
