/** When a token still counts: as long as the accounts that it was given for stand as they stood then. */
import { sha256 } from "@noble/hashes/sha2.js";
import { toHex } from "../bytes/hex.ts";
import type { Grant } from "./token-request.ts";
import type { ClientAccount, UserAccount } from "./types.ts";

/** Of the hashes of both secrets: one that is changed ends all tokens that it gave. */
export const stampOf = (client: Pick<ClientAccount, "secret">, user: Pick<UserAccount, "password"> | null): string =>
  toHex(sha256(new TextEncoder().encode(`${client.secret}\n${user?.password ?? ""}`)));

/** By which grant a holder has signed in; by a refresh token it only stays. */
export const signInGrant = (user: unknown): Grant => (user === null ? "client_credentials" : "password");

/** May they, whatever secrets they show? */
export function mayUse(
  client: Pick<ClientAccount, "id" | "grants" | "node">,
  user: Pick<UserAccount, "clients"> | null,
): boolean {
  if (!client.grants.includes(signInGrant(user))) return false;
  return user === null ? client.node !== undefined : (user.clients?.includes(client.id) ?? true);
}
