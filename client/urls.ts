/** Where requests go, and where none may. */
import type { Fetch } from "./options.ts";

const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * @param fetch the caller's own, if any: it may have other means than TLS, as between Workers
 * @returns without query, fragment or a slash at its end
 * @throws TypeError for a URL that is none, that names a user, or over which keys and passwords would go in clear text
 */
export function safeUrl(text: string, fetch: Fetch | undefined): string {
  const url = new URL(text);
  // `fetch` would refuse it, and quote the password.
  if (url.username + url.password !== "") throw new TypeError(`a URL of ${url.origin} with a user's name in it`);
  const isLocal = url.protocol === "http:" && LOOPBACK.has(url.hostname);
  if (url.protocol !== "https:" && !isLocal && fetch === undefined) {
    throw new TypeError(`${url.origin} would carry secrets in clear text: https://, or http:// on loopback`);
  }
  return url.href.replace(/[?#].*$/, "").replace(/\/+$/, "");
}

/**
 * An id as one segment of a path, percent-encoded exactly once.
 * @throws TypeError for what no URL can hold as a segment
 */
export function segmentOf(id: string): string {
  if (id === "" || id === "." || id === "..") throw new TypeError(`"${id}" cannot be a part of a URL's path`);
  return encodeURIComponent(id);
}
