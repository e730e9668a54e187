/**
 * Bearer tokens of WebSockets in browsers, which can set no header there: the token is offered as a subprotocol,
 * `bearer.<token>`, beside the one that is meant (RFC 6455 1.9). It is never answered with.
 */
import { LIMITS } from "../limits.ts";

const BEARER = /^bearer\.(?<token>[A-Za-z0-9._~+-]+)$/u;

/** The subprotocols offered in a `Sec-WebSocket-Protocol` header. */
export const offeredProtocols = (header: string | null): readonly string[] =>
  header === null ? [] : header.split(",").map((protocol) => protocol.trim());

/** Null: none is offered. Undefined: more than one, a malformed one, or one longer than the bound. */
export function bearerOf(header: string | null): string | null | undefined {
  const [bearer, ...more] = offeredProtocols(header).filter((protocol) => protocol.startsWith("bearer."));
  if (bearer === undefined) return null;
  if (more.length > 0 || bearer.length > LIMITS.authorizationChars) return undefined;
  return BEARER.exec(bearer)?.groups?.["token"];
}
