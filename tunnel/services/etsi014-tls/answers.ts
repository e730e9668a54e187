/** What a front itself answers, and how an answer ends. */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import { requestIdHeader } from "./request-id.ts";

export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly headers?: readonly string[];
}

const busy = (message: string): Answer => ({ status: 503, message, headers: ["Retry-After", "1"] });
export const UNREACHABLE = busy("the key manager behind this KME does not answer");
export const CALLER_BUSY = busy("this certificate has as many requests under way as it may");
export const SURPLUS: Answer = {
  status: 503,
  message: "this certificate has as many connections open as it may",
  headers: ["Retry-After", "1", "Connection", "close"],
};
export const KME_BUSY = busy("this KME holds as many request bodies as it can");
export const tooLarge = (maxBytes: number): Answer => ({
  status: 413,
  message: `the body is larger than ${maxBytes} bytes`,
});
export const BAD_TARGET: Answer = {
  status: 400,
  message: "the request target must be a path of characters that a URI may hold",
};

/**
 * Ends an answer that has been written. Closing on a client that still sends would throw the answer away with the
 * connection, so the end waits for the upload's, within bounds.
 */
export function endOnceRead(req: http.IncomingMessage, res: http.ServerResponse): void {
  if (req.complete) {
    res.end();
    return;
  }
  const timer = setTimeout(() => res.end(), LIMITS.lingerMs);
  req.once("close", () => clearTimeout(timer));
  req.once("end", () => res.end());
  req.resume();
}

/** ETSI 014 6.5 Error object. */
export function refuse(req: http.IncomingMessage, res: http.ServerResponse, answer: Answer): void {
  const body = JSON.stringify({ message: answer.message });
  const headers = [
    "Content-Type",
    "application/json",
    "Cache-Control",
    "no-store",
    "Content-Length",
    String(Buffer.byteLength(body)),
  ];
  res.writeHead(answer.status, [...headers, ...requestIdHeader(req), ...(answer.headers ?? [])]);
  res.write(body);
  endOnceRead(req, res);
}
