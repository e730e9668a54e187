/**
 * What an agent signs when it connects. It binds the hub's nonce (no replay), the address it dialled (no man in the
 * middle with an address of its own), and all it claims.
 */
import { canonicalJson } from "../audit/canonical-json.ts";
import type { Claims } from "./messages.ts";

const DOMAIN = "qkd-edge tunnel hello v1\n";

/**
 * @param nonce as the hub gave it, base64
 * @param address host (with port where it is not the scheme's own) and path that the agent dialled. Without the scheme:
 *   TLS may end before the Worker.
 */
export const helloBytes = (nonce: string, address: string, claims: Claims): Uint8Array =>
  new TextEncoder().encode(DOMAIN + canonicalJson({ nonce, address, claims }));

/** `edge.example/api/v1/sites/site-a/tunnel` of the URL dialled, or the one the Worker was called by. */
export const addressOf = (url: string): string => {
  const { host, pathname } = new URL(url);
  return host + pathname;
};
