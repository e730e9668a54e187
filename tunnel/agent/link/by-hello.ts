/** How an agent's session begins: it dials a site's hub, and signs what it claims to be. */
import { addressOf } from "../../../shared/tunnel/hello.ts";
import type { Claims } from "../../../shared/tunnel/messages.ts";
import type { Identity } from "../identity/identity.ts";
import type { Edge } from "./edge.ts";
import type { SessionOptions } from "./session.ts";
import { openWebSocket } from "./web-socket.ts";

export interface Introduction {
  readonly edge: Edge;
  /** Whose hub. */
  readonly site: string;
  readonly identity: Identity;
  readonly claims: Claims;
}

export function byHello({
  edge,
  site,
  identity,
  claims,
}: Introduction): Pick<SessionOptions, "role" | "dial" | "hello"> {
  const url = edge.tunnelUrl(site);
  return {
    role: claims.role,
    dial: (handshakeMs) => openWebSocket(edge, url, handshakeMs),
    hello: (nonce) => identity.hello(nonce, addressOf(url.href), claims),
  };
}
