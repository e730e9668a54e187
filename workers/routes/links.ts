/** Links: what is configured, what their pools hold, and material pushed into them. */
import { DEFAULT_DESIGN } from "../../shared/conditioning/lengths.ts";
import { PrefillRequestSchema } from "../../shared/api/schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail } from "../../shared/errors/errors.ts";
import { statusExtension } from "../../shared/etsi014/status.ts";
import { healthBody } from "../../shared/health/report-body.ts";
import type { LinkId } from "../../shared/ids.ts";
import { alarmsInFull } from "../../shared/keypool/alarm-body.ts";
import type { IngestOutcome } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { LinkEntry } from "../../shared/network/document.ts";
import { pairOfLink } from "../../shared/network/lookup.ts";
import { linkShards } from "../../shared/network/pairs.ts";
import { ok } from "../../shared/result.ts";
import { moduleAlarmsInFull, moduleBody } from "../../shared/qkd-module/body.ts";
import { answerOf } from "../clients/key-pool.ts";
import { moduleAnswers } from "../clients/qkd-module.ts";
import { readBytes, readMembers } from "../middleware/body.ts";
import { respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { blockIdOf, intakeOf, linkOf, pushingEnd, sees } from "./link-parts.ts";
import { poolStatuses } from "./pool-status.ts";

const configured = (link: LinkEntry) => ({
  link: link.id,
  nodes: link.nodes,
  source: link.source,
  feed: link.feed,
  health_policy: link.health,
  ...(link.health === "condition"
    ? { min_entropy_per_bit: link.min_entropy_per_bit ?? DEFAULT_DESIGN.minEntropyPerBit }
    : {}),
  key_rate_bps: link.key_rate_bps,
  shards: link.shards,
});

export async function getLinks(call: AuthenticatedCall): Reply {
  const links = call.caller.lookup.snapshot.document.links.filter((link) => sees(call, link));
  return await Promise.resolve(ok(respondJson({ links: links.map(configured) })));
}

export async function getLink(call: AuthenticatedCall): Reply {
  const link = linkOf(call);
  if (!link.ok) return link;
  const { lookup, grant } = call.caller;
  const statusCall = { configVersion: lookup.sequence, principal: principalName(grant.principal) };
  const pools = await poolStatuses(call.env, pairOfLink(link.value), linkShards(link.value), statusCall);
  if (!pools.ok) return pools;
  const pool = statusExtension(pools.value, link.value.id as LinkId);
  const modules = await moduleAnswers(call.env, link.value);
  if (!modules.ok) return modules;
  return ok(
    respondJson({
      ...configured(link.value),
      pool,
      ...(modules.value.length === 0 ? {} : { module: modules.value.map(moduleBody) }),
      alarms: [...moduleAlarmsInFull(modules.value), ...alarmsInFull(pools.value)],
    }),
  );
}

export async function putBlock(call: AuthenticatedCall): Reply {
  const end = pushingEnd(call);
  if (!end.ok) return end;
  const block = blockIdOf(call);
  if (!block.ok) return block;
  const body = await readBytes(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  if (body.value.length === 0)
    return fail("bad-request", `the block is empty; it shall have 1 to ${LIMITS.blockBytes} bytes`);
  const { pool, from } = end.value;
  const outcome = await answerOf(() => pool().ingest({ ...from, block: block.value, bytes: body.value }));
  return outcome.ok ? ok(respondJson(ingestBody(outcome.value), INGEST_STATUS[outcome.value.outcome])) : outcome;
}

/** 202 for what is kept but not usable (yet); a known id with other bytes is a fault of the pool, 409. */
const INGEST_STATUS = {
  ingested: 201,
  "already-ingested": 200,
  unmatched: 202,
  quarantined: 202,
} as const satisfies Record<IngestOutcome["outcome"], number>;

const ingestBody = (outcome: IngestOutcome) => ({
  outcome: outcome.outcome,
  bits: outcome.bits,
  ...("reason" in outcome ? { reason: outcome.reason } : {}),
  ...("condensedBits" in outcome ? { condensed_bits: outcome.condensedBits } : {}),
  health: healthBody(outcome.health),
});

/** The demo's own: elsewhere this route is as one that does not exist. */
export async function postPrefill(call: AuthenticatedCall): Reply {
  if (call.env.QKD_DEMO !== "1") return fail("not-found", "no such path");
  const link = linkOf(call);
  if (!link.ok) return link;
  const wish = await readMembers(call, PrefillRequestSchema);
  if (!wish.ok) return wish;
  const prefilled = await answerOf(() =>
    intakeOf(call, link.value).prefill({
      configVersion: call.caller.lookup.sequence,
      bytes: wish.value.bytes,
    }),
  );
  return prefilled.ok ? ok(respondJson({ available_bits: prefilled.value.availableBits })) : prefilled;
}
