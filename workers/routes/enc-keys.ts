/** ETSI GS QKD 014 clause 5.3, Get key, as GET and POST. */
import { parseJson } from "../../shared/bytes/json.ts";
import type { Fault } from "../../shared/errors/errors.ts";
import { writeKeyContainer } from "../../shared/etsi014/key-container.ts";
import {
  EMPTY_KEY_REQUEST,
  type KeyRequest,
  parseKeyRequest,
  parseKeyRequestQuery,
} from "../../shared/etsi014/key-request.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ok, type Result } from "../../shared/result.ts";
import { readText } from "../middleware/body.ts";
import { respondContainer } from "../middleware/respond.ts";
import { giveKeys } from "./give-keys.ts";
import type { AuthenticatedCall, Reply } from "./handler.ts";
import { isKmsUser, siteEncKeys } from "./open-qkd-network/keys-014.ts";
import { pathSae, saeCaller } from "./sae.ts";

export async function getEncKeys(call: AuthenticatedCall): Reply {
  if (isKmsUser(call)) return await siteEncKeys(call);
  return await encKeys(call, parseKeyRequestQuery(call.query), "");
}

export async function postEncKeys(call: AuthenticatedCall): Reply {
  if (isKmsUser(call)) return await siteEncKeys(call);
  const body = await readText(call.request, call.maxBodyBytes);
  return body.ok ? await encKeys(call, parseBody(body.value), body.value) : body;
}

/** No body at all is as `{}`: clause 6.2 has defaults for everything. */
function parseBody(body: string): Result<KeyRequest, Fault> {
  if (body.length === 0) return ok(EMPTY_KEY_REQUEST);
  const json = parseJson(body, LIMITS.jsonDepth);
  return json.ok ? parseKeyRequest(json.value) : json;
}

async function encKeys(call: AuthenticatedCall, parsed: Result<KeyRequest, Fault>, body: string): Reply {
  const caller = saeCaller(call);
  if (!caller.ok) return caller;
  if (!parsed.ok) return parsed;
  const given = await giveKeys(call, caller.value, pathSae(call, "slave_SAE_ID"), parsed.value, body);
  return given.ok ? ok(respondContainer(writeKeyContainer(given.value))) : given;
}
