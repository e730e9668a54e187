/**
 * Which requests may travel in a batch (shared/batch/batch.ts), and what of them does. The edge shall not be able to
 * tell the difference: whatever is out of the ordinary travels by itself, as it was sent.
 */
import { isUtf8 } from "node:buffer";
import type http from "node:http";
import { type BatchRequest, keyVerbOf } from "../../../shared/batch/batch.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { requestIdFor } from "./request-id.ts";

/** @param body null: the request has none. @returns null for a request that must travel by itself */
export function batchable(req: http.IncomingMessage, body: Buffer | null): Omit<BatchRequest, "caller"> | null {
  const method = methodOf(req, body);
  const target = req.url ?? "";
  if (method === null || keyVerbOf(target) === null || !hasPlainHost(req) || !isPlainHop(req.headers)) return null;
  if (isOfPage(req.headers)) return null;
  const idempotencyKey = req.headers["idempotency-key"] ?? null;
  if (idempotencyKey !== null && !isAscii(idempotencyKey)) return null;
  const { traceparent } = req.headers;
  const head = { method, target, idempotencyKey, requestId: requestIdFor(req), traceparent: one(traceparent) };
  if (body === null) return { ...head, body };
  const text = textOf(body);
  return text === null ? null : { ...head, body: text };
}

/** Of several Node shows them joined, or as a list. */
const one = (value: string | string[] | undefined): string | null => (typeof value === "string" ? value : null);

function methodOf({ method }: http.IncomingMessage, body: Buffer | null): BatchRequest["method"] | null {
  if (method === "POST") return method;
  return method === "GET" && body === null ? method : null;
}

/** Of a page's requests the edge judges whether its user has meant them. */
const isOfPage = (headers: http.IncomingHttpHeaders): boolean =>
  headers.origin !== undefined || headers["sec-fetch-site"] !== undefined;

/** Several values of one such header Node has joined; the type knows better of some headers only. */
const isAscii = (value: string | string[]): value is string => typeof value === "string" && /^[\t -~]*$/.test(value);

/** `Connection` may take other headers away. */
const isPlainHop = ({ connection }: http.IncomingHttpHeaders): boolean =>
  connection === undefined || /^(?:keep-alive|close)$/i.test(connection);

/** The edge refuses a Host that makes no URL; of several, Node would show the first. */
function hasPlainHost({ rawHeaders }: http.IncomingMessage): boolean {
  let host: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.length !== 4 || rawHeaders[i]?.toLowerCase() !== "host") continue;
    if (host !== undefined) return false;
    host = rawHeaders[i + 1];
  }
  return host !== undefined && /^[\w.:[\]-]+$/.test(host) && URL.canParse(`http://${host}/`);
}

const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** As the edge would decode it; null where it would not, or where it is long. */
function textOf(body: Buffer): string | null {
  if (body.length > LIMITS.frontBatchedBodyBytes || !isUtf8(body)) return null;
  const marked = body.subarray(0, 3).equals(BYTE_ORDER_MARK);
  return body.toString("utf8", marked ? 3 : 0);
}
