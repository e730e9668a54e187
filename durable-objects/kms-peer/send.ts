/** How a peer is reached: straight from the edge, or through a service of a site's agent. */
import { secretNameOf } from "../../shared/etsi020/secret-name.ts";
import type { AckLetter } from "../../shared/etsi020/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { HTTP_CALL_HEADER, type HttpCall } from "../../shared/tunnel/types.ts";
import type { ObjectsEnv } from "../env.ts";

export type SendEnv = Pick<ObjectsEnv, "TUNNEL_HUB" | `QKD_KMS_PEER_TOKEN_${string}`>;

/** `refused`: by a peer that would refuse it again. */
export type SendOutcome = "taken" | "refused" | "unanswered";

/** Statuses of 400 and above that may pass. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 404, 408, 421, 425, 429]);

/** One attempt to bring what the peer shall know, and has no answer to. */
export async function sendLetter(env: SendEnv, peer: string, letter: AckLetter): Promise<SendOutcome> {
  try {
    const response = await postTo(env, peer, letter, LIMITS.kmsAckTryMs);
    await response.body?.cancel();
    if (response.ok) return "taken";
    return response.status >= 400 && response.status < 500 && !PASSING.has(response.status) ? "refused" : "unanswered";
  } catch {
    return "unanswered";
  }
}

/**
 * @param peer by its id; what it is shown is our token for it, where there is one
 * @throws Error where it is not reached in time
 */
export async function postTo(env: SendEnv, peer: string, letter: AckLetter, timeoutMs: number): Promise<Response> {
  const { url, via, body } = letter;
  const headers = new Headers({ "Content-Type": "application/json" });
  const token = env[secretNameOf(peer)];
  if (token !== undefined && token !== "") headers.set("Authorization", `Bearer ${token}`);
  // A redirect would lead to hosts that the network document does not name.
  const init = { method: "POST", headers, body, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) } as const;
  if (via === null) return await fetch(url, init);
  const call: HttpCall = { service: via.service, site: null };
  headers.set(HTTP_CALL_HEADER, JSON.stringify(call));
  const { pathname, search } = new URL(url);
  return await env.TUNNEL_HUB.getByName(via.site).fetch(new Request(`http://hub${pathname}${search}`, init));
}
