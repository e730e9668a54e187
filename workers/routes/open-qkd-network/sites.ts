/** Who calls the Open-QKD-Network KMS API, and for which sites. */
import { fail, type Fault } from "../../../shared/errors/errors.ts";
import { principalName, type Principal } from "../../../shared/auth/principal.ts";
import type { SaeId } from "../../../shared/ids.ts";
import type { NodeEntry } from "../../../shared/network/document.ts";
import { type Lookup, saeId } from "../../../shared/network/lookup.ts";
import { ok, type Result } from "../../../shared/result.ts";
import { directoryCache, directoryOf } from "../../clients/directory.ts";
import type { AuthenticatedCall } from "../handler.ts";
import type { SaeCaller } from "../sae.ts";

export type KmsUser = Extract<Principal, { role: "kms-user" }>;

/** A user of the API, in whose name its site's SAE is given keys: limits and the audit log name the user. */
export interface SiteCaller extends SaeCaller {
  readonly user: KmsUser;
}

/** A site that keys can be shared with. */
export interface PeerSite {
  readonly sae: SaeId;
  readonly node: NodeEntry;
}

/** @returns `forbidden` for anybody else; the policy table lets nobody else come here */
export function siteCaller({ caller: { grant, lookup } }: AuthenticatedCall): Result<SiteCaller, Fault> {
  const { principal } = grant;
  if (principal.role !== "kms-user") return fail("forbidden", "the KMS API is for its users");
  const name = principalName(principal);
  return ok({ sae: principal.sae, principal: name, lookup, policy: lookup.policy, user: principal });
}

/**
 * The other site, by its id or its node's. One this isolate has not heard of is asked for at the Directory (at most once a
 * second), since it may have been added a moment ago.
 * @returns `bad-request` for one that is not known, not served, or the caller's own
 */
export async function peerSite(
  { env }: AuthenticatedCall,
  { lookup, user }: SiteCaller,
  siteId: string,
): Promise<Result<PeerSite, Fault>> {
  const known = siteIn(lookup, siteId);
  const newer = known === undefined ? await directoryCache.afterMiss(directoryOf(env), lookup) : null;
  const node = known ?? (newer === null ? undefined : siteIn(newer, siteId));
  if (node === undefined) return fail("bad-request", "siteid: no such site");
  if (node.id === user.node) return fail("bad-request", "siteid: is the caller's own site");
  if (node.kms_sae === undefined) return fail("bad-request", "siteid: the site is not served by this API");
  return ok({ sae: saeId(node.kms_sae), node });
}

const siteIn = ({ nodesBySiteId }: Lookup, siteId: string): NodeEntry | undefined => nodesBySiteId.get(siteId);
