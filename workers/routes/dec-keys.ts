/** ETSI GS QKD 014 clause 5.4, Get key with key IDs, as GET and POST. */
import type { Fault } from "../../shared/errors/errors.ts";
import { writeKeyContainer } from "../../shared/etsi014/key-container.ts";
import { parseKeyIdsBody, parseKeyIdsQuery } from "../../shared/etsi014/key-ids.ts";
import type { KeyIdRun } from "../../shared/keypool/key-id-run.ts";
import { ok, type Result } from "../../shared/result.ts";
import { readText } from "../middleware/body.ts";
import { respondContainer } from "../middleware/respond.ts";
import { fetchKeys } from "./fetch-keys.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { isKmsUser, siteDecKeys } from "./open-qkd-network/keys-014.ts";
import { pathSae, saeCaller } from "./sae.ts";

export async function getDecKeys(call: AuthenticatedCall): Reply {
  if (isKmsUser(call)) return await siteDecKeys(call);
  return await decKeys(call, parseKeyIdsQuery(call.query), "");
}

export async function postDecKeys(call: AuthenticatedCall): Reply {
  if (isKmsUser(call)) return await siteDecKeys(call);
  const body = await readText(call.request, call.maxBodyBytes);
  if (!body.ok) return body;
  return await decKeys(call, parseKeyIdsBody(body.value), body.value);
}

async function decKeys(call: AuthenticatedCall, parsed: Result<readonly KeyIdRun[], Fault>, body: string): Reply {
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  if (!parsed.ok) return parsed;
  const grant = await fetchKeys(call, caller.value, pathSae(call, "master_SAE_ID"), parsed.value, body);
  return grant.ok ? ok(respondContainer(writeKeyContainer(grant.value))) : grant;
}
