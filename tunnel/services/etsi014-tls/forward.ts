/** One request through the front: bounded, streamed, and answered with an Error object where the edge does not. */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import { type Log, messageOf } from "../../log.ts";
import type { Carrier } from "./carrier.ts";
import { towardsClient } from "./headers.ts";
import type { Caller } from "./identity.ts";

export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly headers?: readonly string[];
}

const UNREACHABLE: Answer = {
  status: 503,
  message: "the key manager behind this KME does not answer",
  headers: ["Retry-After", "1"],
};
const tooLarge = (maxBytes: number): Answer => ({ status: 413, message: `the body is larger than ${maxBytes} bytes` });
const BAD_TARGET: Answer = { status: 400, message: "the request target must be a path" };

export function forward(
  req: http.IncomingMessage,
  res: http.ServerResponse,
  caller: Caller,
  carrier: Carrier,
  log: Log,
): void {
  const path = req.url ?? "";
  if (!path.startsWith("/")) return refuse(req, res, BAD_TARGET);
  const maxBytes = maxBodyBytes(path);
  if (Number(req.headers["content-length"] ?? 0) > maxBytes) return refuse(req, res, tooLarge(maxBytes));

  const upstream = carrier.open({ method: req.method ?? "GET", path, rawHeaders: req.rawHeaders }, caller);
  let settled = false;
  const giveUp = (answer: Answer): void => {
    if (settled) return;
    settled = true;
    abandonUpload(req, upstream);
    // Half an answer must not look like a whole one.
    if (res.headersSent) res.destroy();
    else refuse(req, res, answer);
  };
  const timer = setTimeout(() => giveUp(UNREACHABLE), LIMITS.frontRequestMs + LIMITS.frontAnswerMs);
  upstream.on("error", (error) => {
    if (!settled) log("warn", "edge-unreachable", { node: caller.node, error: messageOf(error) });
    giveUp(UNREACHABLE);
  });
  upstream.on("response", (answer) => {
    if (settled) {
      answer.destroy();
      return;
    }
    res.writeHead(answer.statusCode ?? 502, answer.statusMessage, towardsClient(answer.rawHeaders));
    answer.on("error", () => giveUp(UNREACHABLE));
    // The edge may answer before it has read all (413): what is still to come is of no use to it.
    answer.on("end", () => {
      if (!upstream.writableFinished) abandonUpload(req, upstream);
      endOnceRead(req, res);
    });
    answer.pipe(res, { end: false });
  });
  // Also the way out for a client that left: its request is taken back from the edge.
  res.on("close", () => {
    clearTimeout(timer);
    settled = true;
    if (!res.writableFinished) upstream.destroy();
  });
  sendBody(req, upstream, maxBytes, () => giveUp(tooLarge(maxBytes)));
}

/**
 * The edge bounds bodies too, but by hanging up on an upload in progress, on which its answer can get lost. Nothing an
 * SAE asks for is larger than the first bound; the second is that of the network document, for operators with a
 * certificate.
 */
const maxBodyBytes = (path: string): number =>
  path.startsWith("/api/v1/keys/") ? LIMITS.jsonBodyBytes : LIMITS.networkBodyBytes;

function sendBody(
  req: http.IncomingMessage,
  upstream: http.ClientRequest,
  maxBytes: number,
  tooMuch: () => void,
): void {
  if (req.headers["content-length"] === undefined && req.headers["transfer-encoding"] === undefined) {
    upstream.end();
    return;
  }
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) tooMuch();
  });
  req.on("error", () => upstream.destroy());
  req.pipe(upstream);
}

/** The rest of the body is read and dropped: a client in mid-upload reads no answer. */
function abandonUpload(req: http.IncomingMessage, upstream: http.ClientRequest): void {
  req.unpipe(upstream);
  req.resume();
  upstream.destroy();
}

/**
 * Ends an answer that has been written. Closing on a client that still sends would throw the answer away with the
 * connection, so the end waits for the upload's, within bounds.
 */
function endOnceRead(req: http.IncomingMessage, res: http.ServerResponse): void {
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
function refuse(req: http.IncomingMessage, res: http.ServerResponse, answer: Answer): void {
  const body = JSON.stringify({ message: answer.message });
  const headers = [
    "Content-Type",
    "application/json",
    "Cache-Control",
    "no-store",
    "Content-Length",
    String(Buffer.byteLength(body)),
  ];
  res.writeHead(answer.status, [...headers, ...(answer.headers ?? [])]);
  res.write(body);
  endOnceRead(req, res);
}
