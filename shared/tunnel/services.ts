/** What a site's agent exposes through its tunnel, and who may open it. Denied is what nothing allows. */
import * as v from "valibot";
import { LIMITS } from "../limits.ts";
import { PlainIdSchema } from "../network/plain-id.ts";

/** A name of a service is part of URLs and of `open` frames. `-R 9000:...` registers the service "9000". */
export const ServiceNameSchema = PlainIdSchema;

/** Besides ids of sites. No site may be called so. */
export const ALLOW_WORDS = {
  /** The edge itself, on behalf of who may use `/api/v1/sites/{site}/services/{service}/...`. */
  edge: "@edge",
  /** Every site that has a QKD link with this one. */
  linked: "@linked",
  /** Whoever reaches the port of the self-hosted edge's gateway: TCP clients have no names there. */
  gateway: "@gateway",
} as const;

export const ServiceSchema = v.strictObject({
  name: ServiceNameSchema,
  /** Sites, or words of `ALLOW_WORDS`. Empty: nobody. */
  allow: v.pipe(v.array(v.pipe(v.string(), v.minLength(1), v.maxLength(64))), v.maxLength(LIMITS.tunnelAllowEntries)),
  /** The agents speak TLS with each other inside the stream: the edge cannot look in, nor use the service itself. */
  tls: v.boolean(),
  /** TCP port where the edge's own front, or an agent with -L, shall listen by default; null: nowhere by itself. */
  port: v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
});
export type Service = v.InferOutput<typeof ServiceSchema>;

/** Who is at the other end of a stream, as the hub knows. */
export interface Peer {
  /** Null: the edge itself. `ALLOW_WORDS.gateway`: its gateway, on behalf of nobody in particular. */
  readonly site: string | null;
  /** Does a QKD link join that site and this one? */
  readonly linked: boolean;
}

/** The hub asks this before it passes an `open` on, and the agent again before it dials. */
export function mayOpen(
  { allow, tls }: { readonly allow: readonly string[]; readonly tls: boolean },
  { site, linked }: Peer,
): boolean {
  if (site === null) return !tls && allow.includes(ALLOW_WORDS.edge);
  // No certificate of a site stands behind it either.
  if (site === ALLOW_WORDS.gateway) return !tls && allow.includes(site);
  return allow.includes(site) || (linked && allow.includes(ALLOW_WORDS.linked));
}

/**
 * What an `open` frame names: a service as raw bytes, or (HTTP_PREFIX) as HTTP, one exchange a stream: see http.ts. The
 * latter is for the hub's own streams only.
 */
export const HTTP_PREFIX = "http/";
export const isHttp = (target: string): boolean => target.startsWith(HTTP_PREFIX);
export const serviceOf = (target: string): string => (isHttp(target) ? target.slice(HTTP_PREFIX.length) : target);
