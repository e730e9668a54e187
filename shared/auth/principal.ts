/**
 * Who is calling. Decided once, in `workers/middleware/authenticate.ts`, and carried through the request.
 */
import type { NodeId, SaeId } from "../ids.ts";

/**
 * How the caller proved itself: Cloudflare or KME front mTLS, an agent's assertion, a bearer token of the network document
 * or one that a sign-in gave, an operator's session in a browser, the bootstrap secret, or the engine's own socket.
 */
export type AuthenticatedBy = "mtls" | "agent" | "token" | "oauth" | "session" | "bootstrap" | "starter";

export type Principal =
  | { readonly role: "sae"; readonly id: SaeId; readonly node: NodeId; readonly by: AuthenticatedBy }
  | { readonly role: "node"; readonly id: NodeId; readonly by: AuthenticatedBy }
  | { readonly role: "agent"; readonly id: string; readonly site: string; readonly by: AuthenticatedBy }
  /** A KMS of others, at one of our nodes (ETSI GS QKD 020). */
  | { readonly role: "legacy"; readonly id: string; readonly node: NodeId; readonly by: AuthenticatedBy }
  | { readonly role: "kms"; readonly id: string; readonly node: NodeId; readonly by: AuthenticatedBy }
  /** A user of the Open-QKD-Network KMS API, or a client of it by itself: for the SAE of its site. */
  | {
      readonly role: "kms-user";
      readonly id: string;
      readonly node: NodeId;
      readonly sae: SaeId;
      readonly by: AuthenticatedBy;
    }
  | { readonly role: "controller"; readonly id: string; readonly by: AuthenticatedBy }
  | { readonly role: "operator"; readonly id: string; readonly by: AuthenticatedBy };

export type Role = Principal["role"];

/** Stable name for rate limits, idempotency keys and audit: `sae:sae-a`. */
export const principalName = (principal: Principal): string => `${principal.role}:${principal.id}`;
