/**
 * What pages of other hosts may do here: nothing, but for those of the network document's `browser_origins`, and these by
 * bearer tokens only. There is no credentials mode: what a browser adds by itself, cookies too, never counts for them.
 */
import { isMeant, isOwnOrigin, type PageWord, type Reached } from "../../shared/auth/browsers.ts";
import { fault, type Fault } from "../../shared/errors/errors.ts";
import { type Background, directoryCache, snapshotSourceOf } from "../clients/directory.ts";
import type { Env } from "../env.ts";
import type { Incoming } from "./incoming.ts";
import { rawPath } from "./path.ts";
import { type HeaderTable, respondFault, toResponse } from "./respond.ts";
import { isUpgrade } from "./sockets.ts";

/** What an agent's front says of the host that its client asked for: the request itself names the edge's. */
export const FRONT_HOST_HEADER = "QKD-Host";

/** The Fetch standard's CORS protocol. Whoever may read answers may read when to ask again. */
const PREFLIGHT: HeaderTable = {
  "Access-Control-Allow-Methods": "GET, POST, PUT, PATCH, DELETE",
  "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
  "Access-Control-Max-Age": "600",
};
const EXPOSED: HeaderTable = { "Access-Control-Expose-Headers": "Retry-After" };
/** Where pages of other hosts may be let in at all. */
const OPEN_PATHS = /^\/(?:api|uaa)\//;

/**
 * May a certificate count that this request came with?
 * @param isAsserted by an agent, to whose front it was shown
 */
export function isCertificateMeant({ url, headers }: Incoming, isAsserted: boolean): boolean {
  const word = pageOf(headers);
  if (word.origin === null) return isMeant(word, NOWHERE);
  const host = (isAsserted ? headers.get(FRONT_HOST_HEADER) : null) ?? new URL(url).host;
  return isMeant(word, { hosts: [host], isSecure: true });
}
const pageOf = (headers: Incoming["headers"]): PageWord => ({
  origin: headers.get("Origin"),
  fetchSite: headers.get("Sec-Fetch-Site"),
});

/** Had no page of another host a part in this? */
export const isPageMeant = (request: Incoming, env: Env): boolean =>
  isMeant(pageOf(request.headers), reachedBy(request, env));

/** Does a browser say that one of the edge's own pages sent this, or the user alone? */
export function isOfOwnPage(request: Incoming, env: Env): boolean {
  const { origin, fetchSite } = pageOf(request.headers);
  return (origin !== null || fetchSite !== null) && isPageMeant(request, env);
}

/** Where no origin is told it is not asked: of most requests no URL has to be read for this. */
const NOWHERE: Reached = { hosts: [], isSecure: true };

/**
 * Serves a request, unless it is one that a page of another host may not make.
 * @param serve what it gets otherwise
 */
export async function withOrigin(
  request: Request,
  env: Env,
  background: Background,
  serve: () => Promise<Response>,
): Promise<Response> {
  const origin = request.headers.get("Origin");
  if (origin === null || isOwnOrigin(origin, reachedBy(request, env))) return await serve();
  const isOpen = OPEN_PATHS.test(rawPath(request.url));
  const problem = isOpen ? await checkConfigured(origin, env, background) : FOREIGN;
  if (problem !== null) return isUpgrade(request) ? toResponse(respondFault(problem)) : await serve();
  const allowed = { "Access-Control-Allow-Origin": origin, Vary: "Origin" };
  if (request.method === "OPTIONS" && request.headers.has("Access-Control-Request-Method"))
    return new Response(null, { status: 204, headers: { ...allowed, ...PREFLIGHT } });
  const response = await serve();
  if (response.status === 101) return response;
  const answer = new Response(response.body, response);
  for (const [name, value] of Object.entries({ ...allowed, ...EXPOSED })) answer.headers.set(name, value);
  return answer;
}

const FOREIGN = fault("forbidden", "header Origin: pages of other origins may not open this WebSocket");

/** @returns null for an origin that the network document names; `forbidden`, `directory-unavailable` */
async function checkConfigured(origin: string, env: Env, background: Background): Promise<Fault | null> {
  const view = await directoryCache.lookup(snapshotSourceOf(env), background);
  if (!view.ok) return view.error;
  return view.value.snapshot.document.browser_origins?.includes(origin) === true ? null : FOREIGN;
}

/**
 * A self-hosted edge may be behind somebody who ends TLS for it, and calls it otherwise; an agent's front says what its
 * client called it. That no page can say: it is a header that no CORS lets through.
 */
function reachedBy({ url, headers }: Incoming, { QKD_HOSTS }: Env): Reached {
  const { host, protocol } = new URL(url);
  const front = headers.get(FRONT_HOST_HEADER);
  const hosts = [host, ...(QKD_HOSTS?.split(",") ?? []), ...(front === null ? [] : [front])];
  return { hosts, isSecure: protocol === "https:" };
}
