/** The network document: read, replace, compare, restore. The Directory decides; here is only HTTP. */
import schema from "../../docs/schema/network.schema.json" with { type: "json" };
import { RestoreRequestSchema } from "../../shared/api/schemas.ts";
import { principalName } from "../../shared/auth/principal.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import { directoryOf } from "../clients/directory.ts";
import { answerOf } from "../clients/key-pool.ts";
import { readJson, readMembers } from "../middleware/body.ts";
import type { Incoming } from "../middleware/incoming.ts";
import { respond, respondJson } from "../middleware/respond.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { queryInteger } from "./query.ts";

const etagOf = (version: number): string => `"${version}"`;

/** @returns the version the caller saw; `precondition-required` without the header, `bad-request` for any other text */
function readIfMatch(request: Incoming): Result<number, Fault> {
  const header = request.headers.get("If-Match");
  if (header === null) {
    return fail(
      "precondition-required",
      'header If-Match: missing; it shall hold the document version you saw, as "7"',
    );
  }
  const version = /^"(?<version>[0-9]{1,15})"$/.exec(header.trim())?.groups?.["version"];
  if (version === undefined) return fail("bad-request", 'header If-Match: shall be one document version, as "7"');
  return ok(Number(version));
}

export async function getNetwork(call: AuthenticatedCall): Reply {
  const version = queryInteger(call.query, "version", { min: 0, max: Number.MAX_SAFE_INTEGER });
  if (!version.ok) return version;
  const found = await answerOf(() => directoryOf(call.env).getNetwork(version.value));
  if (!found.ok) return found;
  return ok(respondJson(found.value.document, 200, { ETag: etagOf(found.value.version) }));
}

async function put(call: AuthenticatedCall, document: unknown, ifMatch: number): Reply {
  const by = principalName(call.caller.grant.principal);
  const applied = await answerOf(() => directoryOf(call.env).putNetwork({ document, ifMatch, by }));
  if (!applied.ok) return applied;
  const { version } = applied.value;
  return ok(respondJson({ version }, 200, { ETag: etagOf(version) }));
}

export async function putNetwork(call: AuthenticatedCall): Reply {
  const ifMatch = readIfMatch(call.request);
  if (!ifMatch.ok) return ifMatch;
  const document = await readJson(call.request, call.maxBodyBytes);
  return document.ok ? await put(call, document.value, ifMatch.value) : document;
}

export async function postNetworkRestore(call: AuthenticatedCall): Reply {
  const ifMatch = readIfMatch(call.request);
  if (!ifMatch.ok) return ifMatch;
  const wish = await readMembers(call, RestoreRequestSchema);
  if (!wish.ok) return wish;
  const old = await answerOf(() => directoryOf(call.env).getNetwork(wish.value.version));
  return old.ok ? await put(call, old.value.document, ifMatch.value) : old;
}

export async function getNetworkVersions(call: AuthenticatedCall): Reply {
  const versions = await answerOf(async () => ok(await directoryOf(call.env).versions()));
  if (!versions.ok) return versions;
  const entries = versions.value.map(({ version, atMs, by }) => ({ version, at: new Date(atMs).toISOString(), by }));
  return ok(respondJson({ versions: entries }));
}

export async function postNetworkDiff(call: AuthenticatedCall): Reply {
  const document = await readJson(call.request, call.maxBodyBytes);
  if (!document.ok) return document;
  const diff = await answerOf(() => directoryOf(call.env).diff(document.value));
  if (!diff.ok) return diff;
  const { changes, pendingKeys, unusedMaterial, drainSeconds, complete } = diff.value;
  const unused = unusedMaterial.map(({ link, availableBits }) => ({ link, available_bits: availableBits }));
  return ok(
    respondJson({ changes, pending_keys: pendingKeys, unused_material: unused, drain_s: drainSeconds, complete }),
  );
}

const SCHEMA_TEXT = JSON.stringify(schema);

export async function getNetworkSchema(): Reply {
  return await Promise.resolve(ok(respond(SCHEMA_TEXT, "application/schema+json")));
}
