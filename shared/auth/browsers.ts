/**
 * Pages of other hosts. A browser shows a client certificate, and opens a WebSocket, for whatever page asks: the user has
 * not meant it. It tells where the page is from, by `Origin` (RFC 6454) and `Sec-Fetch-Site` (W3C Fetch Metadata), which
 * no page can write.
 */
import { parseHost } from "../tunnel/hosts.ts";

/** What a browser says of the page that a request comes from; both are null of other clients. */
export interface PageWord {
  readonly origin: string | null;
  readonly fetchSite: string | null;
}

/** How a request reached this edge. */
export interface Reached {
  /** The edge's own hosts, with ports that are not the scheme's own. */
  readonly hosts: readonly string[];
  /** By TLS, as far as this edge can tell. False: perhaps, behind somebody who ended it. */
  readonly isSecure: boolean;
}

/** Of requests that no page of another host had a part in: made by the edge's own pages, or by the user alone. */
const OWN_SITES: ReadonlySet<string | null> = new Set([null, "same-origin", "none"]);

/** Is it an origin of this edge's pages? `null`, that of sandboxed pages and local files, is nobody's. */
export function isOwnOrigin(origin: string, { hosts, isSecure }: Reached): boolean {
  if (!URL.canParse(origin)) return false;
  const { protocol, host, origin: canonical } = new URL(origin);
  const isScheme = protocol === "https:" || (protocol === "http:" && !isSecure);
  return canonical === origin && isScheme && hosts.some((own) => parseHost(own) === host);
}

/** May a certificate count that came with this request? Not if a page of another host, configured or not, could have sent it. */
export const isMeant = ({ origin, fetchSite }: PageWord, reached: Reached): boolean =>
  OWN_SITES.has(fetchSite) && (origin === null || isOwnOrigin(origin, reached));
