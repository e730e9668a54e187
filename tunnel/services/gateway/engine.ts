/**
 * The engine on this machine, as the gateway reaches it: over the unix socket of the fronts, where it is believed who it
 * says it is.
 */
import { once } from "node:events";
import http from "node:http";
import * as v from "valibot";
import { WebSocket } from "ws";
import { LIMITS } from "../../../shared/limits.ts";
import { tunnelPath } from "../../../shared/tunnel/paths.ts";
import { HUB_SOCKET, noMask } from "../../agent/link/web-socket.ts";
import { readBounded } from "../../http/read-bounded.ts";
import { type ListedSite, SitesPageSchema } from "./service-of-port.ts";

/** workerd makes `request.cf` of it. */
const as = (who: "starter" | "gateway") => ({ Host: "edge", "X-Cf-Blob": JSON.stringify({ qkd: { [who]: true } }) });

/** All sites with what they expose now. Rejects where the edge does not tell. */
export async function listSites(socketPath: string): Promise<readonly ListedSite[]> {
  const sites: ListedSite[] = [];
  for (let after: string | null = ""; after !== null;) {
    const path: string = `/api/v1/sites?after=${encodeURIComponent(after)}`;
    const page = v.parse(SitesPageSchema, JSON.parse(await ask(socketPath, path)));
    sites.push(...page.sites);
    after = page.next;
  }
  return sites;
}

async function ask(socketPath: string, path: string): Promise<string> {
  const signal = AbortSignal.timeout(LIMITS.agentRequestMs);
  const request = http.get({ socketPath, path, headers: as("starter"), agent: false, signal });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const body = await readBounded(response, LIMITS.gatewayAnswerBytes, "the edge answers more than it should");
  if (response.statusCode !== 200) throw new Error(`the edge answers ${String(response.statusCode)}`);
  return body.toString("utf8");
}

/** To a site's hub, in the role of a peer. */
export const dialHub = (socketPath: string, site: string, handshakeMs: number): WebSocket =>
  new WebSocket(`ws+unix:${socketPath}:${tunnelPath(site)}`, {
    ...HUB_SOCKET,
    handshakeTimeout: handshakeMs,
    headers: as("gateway"),
    generateMask: noMask,
  });
