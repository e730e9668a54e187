/** Access to the REST API for as long as a connection lives, an hour at a time: only the token's SHA-256 is kept. */
import { tokenSha256 } from "../../shared/auth/token.ts";
import { LIMITS } from "../../shared/limits.ts";
import { accessToken } from "../../shared/tunnel/access-token.ts";
import type { AccessHolder } from "../../shared/tunnel/types.ts";
import type { Connection } from "./connection.ts";
import type { HubParts } from "./parts.ts";

/** What goes to the agent. */
export interface Access {
  readonly token: string;
  readonly expiresMs: number;
}

/** A new token for an owner. */
export function giveAccess(parts: HubParts, { member }: Connection): Access | undefined {
  if (member === null) return undefined;
  const { store, site, nowMs } = parts;
  const token = accessToken(site, crypto.getRandomValues(new Uint8Array(32)));
  const expiresMs = nowMs() + LIMITS.tunnelAccessMs;
  const { id: connection, agent } = member;
  store.transaction(() => store.giveAccess({ sha256: tokenSha256(token), connection, agent, expiresMs }));
  parts.replan();
  return { token, expiresMs };
}

/** Sends the next tokens before the last ones end. */
export function renewAccesses(parts: HubParts): void {
  const { store, connections, nowMs } = parts;
  store.dropExpiredAccesses(nowMs());
  for (const { connection } of store.accessesUntil(nowMs() + LIMITS.tunnelAccessRenewMs)) {
    const holder = connections.owner?.member?.id === connection ? connections.owner : null;
    if (holder === null) continue;
    const access = giveAccess(parts, holder);
    if (access !== undefined) holder.tell({ type: "access", ...access });
  }
}

/** When the next token is to be sent. */
export function nextRenewalMs({ store }: HubParts): number | null {
  const endMs = store.nextAccessEndMs();
  return endMs === null ? null : endMs - LIMITS.tunnelAccessRenewMs;
}

export function accessHolder({ store, connections, site, nowMs }: HubParts, sha256: string): AccessHolder | null {
  const access = store.access(sha256);
  if (access === undefined || access.expiresMs <= nowMs()) return null;
  if (connections.owner?.member?.id !== access.connection) return null;
  return { agent: access.agent, site, expiresMs: access.expiresMs };
}
