/** WebSockets that objects serve. */
import { offeredProtocols } from "../../shared/auth/subprotocols.ts";
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Incoming } from "./incoming.ts";

export const isUpgrade = ({ headers }: Pick<Incoming, "headers">): boolean =>
  headers.get("Upgrade")?.toLowerCase() === "websocket";

interface Opening {
  readonly to: { fetch(request: Request): Promise<Response> };
  /** The Worker's word on whose socket it is: the client's own goes no further. */
  readonly headers: Readonly<Record<string, string>>;
  /** Subprotocol that is answered if it is offered. */
  readonly protocol: string;
  /** Of the object, for who is told that it does not answer. */
  readonly what: string;
}

/** @returns the response with the socket, or what the object says instead; `upgrade-required`, `unavailable` */
export async function openSocket(
  { request }: { readonly request: Incoming },
  { to, headers, protocol, what }: Opening,
): Promise<Result<Response, Fault>> {
  if (!isUpgrade(request)) return fail("upgrade-required", `this is the WebSocket of a ${what}`);
  let response: Response;
  try {
    response = await to.fetch(new Request(request.url, { headers: { Upgrade: "websocket", ...headers } }));
  } catch {
    return fail("unavailable", `the ${what} does not answer, try again`);
  }
  const { webSocket } = response;
  const isOffered = offeredProtocols(request.headers.get("Sec-WebSocket-Protocol")).includes(protocol);
  if (webSocket === null || !isOffered) return ok(response);
  return ok(new Response(null, { status: 101, webSocket, headers: { "Sec-WebSocket-Protocol": protocol } }));
}
