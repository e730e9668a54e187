/**
 * `newkey` and `getkey` of the Open-QKD-Network KMS API, as ETSI GS QKD 014 between the SAEs of the two sites: a new key is
 * one of `enc_keys`, and the same key is fetched at the other end, once, by `dec_keys`.
 */
import { fail, type Fault } from "../../../shared/errors/errors.ts";
import { EMPTY_KEY_REQUEST } from "../../../shared/etsi014/key-request.ts";
import { keyFault, noKey, type SiteKey, siteKey } from "../../../shared/open-qkd-network/answers.ts";
import { parametersOf } from "../../../shared/open-qkd-network/form.ts";
import {
  type BlockKey,
  KEY_BITS,
  ONLY_INDEX,
  readGetKey,
  readNewKey,
} from "../../../shared/open-qkd-network/key-request.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { type Answer, respondJson } from "../../middleware/respond.ts";
import { fetchKeys } from "../fetch-keys.ts";
import { giveKeys } from "../give-keys.ts";
import type { AuthenticatedCall, Reply } from "../handler.ts";
import { readForm } from "./form-body.ts";
import { peerSite, siteCaller } from "./sites.ts";

export type KeyOutcome = Promise<Result<SiteKey, Fault>>;

/** As GET and POST, which the original takes alike. */
export async function newKey(call: AuthenticatedCall): Reply {
  return answer(await asSent(call, readNewKey, async (siteId, body) => await newKeyFor(call, siteId, body)));
}

export async function getKey(call: AuthenticatedCall): Reply {
  return answer(await asSent(call, readGetKey, async (key, body) => await keyFrom(call, key.siteId, key, body)));
}

/** A new key of the caller's site for another. @param body of the call, as it came */
export async function newKeyFor(call: AuthenticatedCall, siteId: string, body: string): KeyOutcome {
  const caller = siteCaller(call);
  if (!caller.ok) return caller;
  const peer = await peerSite(call, caller.value, siteId);
  if (!peer.ok) return peer;
  const request = { ...EMPTY_KEY_REQUEST, sizeBits: KEY_BITS };
  const given = await giveKeys(call, caller.value, peer.value.sae, request, body);
  return given.ok ? ok(siteKey(given.value)) : given;
}

/** The key that another site has made for the caller's. */
export async function keyFrom(call: AuthenticatedCall, siteId: string, wanted: BlockKey, body: string): KeyOutcome {
  const caller = siteCaller(call);
  if (!caller.ok) return caller;
  const peer = await peerSite(call, caller.value, siteId);
  if (!peer.ok) return peer;
  if (wanted.index !== ONLY_INDEX) return ok(noKey(`a block of this KMS is one key, of index ${ONLY_INDEX}`));
  const grant = await fetchKeys(call, caller.value, peer.value.sae, [wanted.blockId], body, KEY_BITS / 8);
  if (!grant.ok) return grant;
  // Of another KMS (a legacy node's, or before this one's update) that cannot be told the size.
  if (grant.value.bytes.length * 8 !== KEY_BITS) {
    grant.value.bytes.fill(0);
    return fail("key-not-found", `the key is not one of ${KEY_BITS} bits`);
  }
  return ok(siteKey(grant.value));
}

/** The original reads its parameters from the query as from a form. */
async function asSent<Wish>(
  { request, query, maxBodyBytes }: AuthenticatedCall,
  read: (parameters: URLSearchParams) => Result<Wish, Fault>,
  serve: (wish: Wish, body: string) => KeyOutcome,
): KeyOutcome {
  const form = request.method === "POST" ? await readForm(request, maxBodyBytes) : ok(new URLSearchParams());
  if (!form.ok) return form;
  const parameters = parametersOf(query, form.value);
  const wish = parameters.ok ? read(parameters.value) : parameters;
  return wish.ok ? await serve(wish.value, form.value.toString()) : wish;
}

/** That there is no key is said by the body, as the original says it; all else by the status, too. */
function answer(outcome: Result<SiteKey, Fault>): Result<Answer, Fault> {
  if (outcome.ok) return ok(respondJson(outcome.value));
  const { status, body } = keyFault(outcome.error);
  return status === 200 ? ok(respondJson(body)) : outcome;
}
