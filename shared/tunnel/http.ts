/**
 * HTTP to a site's service through the tunnel, one exchange a stream: each way a head (its length as u32, big-endian,
 * then JSON), the body's bytes, the end of the stream. The agent speaks HTTP with the device; the hub never parses it.
 */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";

/** Name and value in turn. */
const headers = v.pipe(v.array(v.string()), v.maxLength(256));
export const RequestHeadSchema = v.strictObject({
  method: v.pipe(v.string(), v.regex(/^[A-Z]{1,16}$/)),
  /** Path and query. */
  target: v.pipe(v.string(), v.startsWith("/"), v.maxLength(LIMITS.uriBytes)),
  headers,
});
export type RequestHead = v.InferOutput<typeof RequestHeadSchema>;
export const ResponseHeadSchema = v.strictObject({
  status: v.pipe(v.number(), v.integer(), v.minValue(200), v.maxValue(599)),
  headers,
});
export type ResponseHead = v.InferOutput<typeof ResponseHeadSchema>;

/** Of one connection only (RFC 9110 7.6.1), or said anew by each hop. */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Never passed on, besides those of one hop. What proves a caller to the edge is not the device's to see; and the edge's
 * host is one for all sites, so that no device may set or see cookies of it, nor tell a browser anything else that holds
 * for the host as a whole: who may read it, where to report its errors, whether to ask for a password.
 */
export const NOT_FOR_SERVICES: ReadonlySet<string> = new Set([
  "authorization",
  "client-cert",
  "cookie",
  "expect",
  "host",
  "qkd-node",
  "qkd-sae",
  "qkd-scope",
  "qkd-tunnel-call",
  "qkd-tunnel-gateway",
]);
export const NOT_FOR_CLIENTS: ReadonlySet<string> = new Set([
  "accept-ch",
  "access-control-allow-credentials",
  "access-control-allow-headers",
  "access-control-allow-methods",
  "access-control-allow-origin",
  "access-control-allow-private-network",
  "access-control-expose-headers",
  "access-control-max-age",
  "alt-svc",
  "authentication-info",
  "clear-site-data",
  "nel",
  "origin-agent-cluster",
  "public-key-pins",
  "report-to",
  "reporting-endpoints",
  "service-worker-allowed",
  "set-cookie",
  "set-cookie2",
  "strict-transport-security",
  "timing-allow-origin",
  "www-authenticate",
]);

/** Names and values in turn, without those of one hop and those in `without`. */
export function endToEnd(fields: Iterable<readonly [string, string]>, without: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  // RFC 9110 7.6.1: what `Connection` names is of this hop as well.
  const named: string[] = [];
  for (const [field, value] of fields) {
    const name = field.toLowerCase();
    if (name === "connection") named.push(...value.split(",").map((option) => option.trim().toLowerCase()));
    else if (!HOP_BY_HOP.has(name) && !without.has(name)) kept.push(name, value);
  }
  if (named.length === 0) return kept;
  return kept.filter((_, at) => !named.includes(kept[at - (at % 2)] ?? ""));
}
