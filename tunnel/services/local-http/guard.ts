/**
 * Whom a local HTTP listener without authentication takes for a client: not a page in a browser on this machine, whatever
 * name it has had resolved to this address.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isLoopback } from "../../config-values.ts";

export interface Door {
  /** Names of this listener, with or without port. */
  readonly hosts: readonly string[];
  /** At which the connection came in. */
  readonly localAddress: string | undefined;
}

const HOST = /^(?<name>\[[^\]]+\]|[^:]+)(?::\d{1,5})?$/;
const bare = (name: string): string => name.replace(/^\[(.*)\]$/, "$1").replace(/^::ffff:/i, "");

/** @returns why not; null: it may pass */
export function objectionTo(headers: IncomingHttpHeaders, { hosts, localAddress = "" }: Door): string | null {
  const { host = "", origin } = headers;
  if (origin !== undefined) return "requests of pages (Origin) are refused";
  // Of a browser's address bar or a bookmark: "none".
  const site = headers["sec-fetch-site"] ?? "none";
  if (site !== "none" && site !== "same-origin") return "requests of other sites' pages are refused";
  const name = HOST.exec(host)?.groups?.["name"];
  if (name === undefined) return "Host: shall name this listener";
  // An address cannot be made to mean another machine, as a name can.
  const isKnown = isLoopback(name) || bare(name) === bare(localAddress) || hosts.includes(host) || hosts.includes(name);
  return isKnown ? null : `Host: ${host.slice(0, 100)} is not a name of this listener; those it has stand in its hosts`;
}
