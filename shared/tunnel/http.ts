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
