/** A caller by an access token of the Open-QKD-Network KMS API, if the network still has the accounts that it was given for. */
import { type Lookup, nodeId, saeId } from "../../shared/network/lookup.ts";
import { mayUse, stampOf } from "../../shared/open-qkd-network/accounts.ts";
import type { TokenHolder } from "../../shared/open-qkd-network/types.ts";
import { granted, type Outcome, refused, unknown } from "./outcome.ts";

export function ofKmsToken(holder: TokenHolder | null, lookup: Lookup, nowMs: number): Outcome {
  if (holder === null || holder.kind !== "access" || holder.expiresMs <= nowMs) return refused("KMS token of nobody");
  const client = lookup.kmsClientsById.get(holder.client);
  const user = holder.user === null ? null : lookup.kmsUsersById.get(holder.user);
  if (client === undefined || user === undefined) return unknown("KMS token of a client or user that is gone");
  if (holder.stamp !== stampOf(client, user) || !mayUse(client, user)) {
    return unknown("KMS token from before the client or user was changed");
  }
  const node = user?.node ?? client.node ?? "";
  const sae = lookup.nodesById.get(node)?.kms_sae;
  if (sae === undefined) return unknown("KMS token of a site that is not served");
  const subject = { role: "kms-user", id: user?.id ?? client.id, node: nodeId(node), sae: saeId(sae) } as const;
  return granted({ subject, drainedUntilMs: null }, "oauth", null, lookup, nowMs);
}
