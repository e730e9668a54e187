/** The bearer token of a request: a header's, or of a WebSocket in a browser a subprotocol's. */
import { bearerOf } from "../../shared/auth/subprotocols.ts";
import { bearerToken } from "../../shared/auth/token.ts";
import { err, ok, type Result } from "../../shared/result.ts";
import type { Incoming } from "./incoming.ts";
import { isUpgrade } from "./sockets.ts";

/** @returns null where none is shown; the error says what cannot be read */
export function readBearer(request: Pick<Incoming, "headers">): Result<string | null, string> {
  const authorization = request.headers.get("Authorization");
  const offered = isUpgrade(request) ? bearerOf(request.headers.get("Sec-WebSocket-Protocol")) : null;
  if (offered === undefined) return err("unreadable token among the subprotocols");
  if (authorization === null) return ok(offered);
  if (offered !== null) return err("a token by header and one by subprotocol");
  const token = bearerToken(authorization);
  return token === null ? err("unreadable Authorization header") : ok(token);
}
