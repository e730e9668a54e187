/** One request through the front: bounded, and answered with an Error object where the edge does not. */
import { isUtf8 } from "node:buffer";
import type http from "node:http";
import { keyVerbOf } from "../../../shared/batch/batch.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { type Log, messageOf } from "../../log.ts";
import type { Carrier } from "./carrier.ts";
import { towardsClient } from "./headers.ts";
import type { Caller } from "./identity.ts";
import type { Visit } from "./load.ts";

export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly headers?: readonly string[];
}

const FIRST_BUFFER_BYTES = 1024;

const busy = (message: string): Answer => ({ status: 503, message, headers: ["Retry-After", "1"] });
const UNREACHABLE = busy("the key manager behind this KME does not answer");
const CALLER_BUSY = busy("this certificate has as many requests under way as it may");
const SURPLUS: Answer = {
  status: 503,
  message: "this certificate has as many connections open as it may",
  headers: ["Retry-After", "1", "Connection", "close"],
};
const KME_BUSY = busy("this KME holds as many request bodies as it can");
const tooLarge = (maxBytes: number): Answer => ({ status: 413, message: `the body is larger than ${maxBytes} bytes` });
const BAD_TARGET: Answer = { status: 400, message: "the request target must be a path" };

/**
 * Passes one request on, or refuses it. What it returns ends the request and gives back all it holds; to be called when
 * the answer or the connection closes, also the way out for a client that left.
 */
export function forward(
  req: http.IncomingMessage,
  res: http.ServerResponse,
  caller: Caller,
  carrier: Carrier,
  log: Log,
): () => void {
  const visit = carrier.load.enter(caller.fingerprint);
  if (visit === undefined) {
    refuse(req, res, CALLER_BUSY);
    return () => {};
  }
  const path = req.url ?? "";
  const maxBytes = maxBodyBytes(path);
  if (!path.startsWith("/")) refuse(req, res, BAD_TARGET);
  else if (Number(req.headers["content-length"] ?? 0) > maxBytes) refuse(req, res, tooLarge(maxBytes));
  else return pass(req, res, { path, maxBytes, visit, caller, carrier, log });
  return () => visit.leave();
}

/** Answers a request on a connection that is one more than its certificate may have. */
export const refuseSurplus = (req: http.IncomingMessage, res: http.ServerResponse): void => refuse(req, res, SURPLUS);

interface Passage {
  readonly path: string;
  readonly maxBytes: number;
  readonly visit: Visit;
  readonly caller: Caller;
  readonly carrier: Carrier;
  readonly log: Log;
}

function pass(req: http.IncomingMessage, res: http.ServerResponse, passage: Passage): () => void {
  const { path, maxBytes, visit, caller, carrier, log } = passage;
  let upstream: http.ClientRequest | undefined;
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
  const open = (): http.ClientRequest => {
    const opened = carrier.open({ method: req.method ?? "GET", path, rawHeaders: req.rawHeaders }, caller);
    upstream = opened;
    opened.on("error", (error) => {
      if (!settled) log("warn", "edge-unreachable", { node: caller.node, error: messageOf(error) });
      giveUp(UNREACHABLE);
    });
    opened.on("response", (answer) => {
      if (settled) {
        answer.destroy();
        return;
      }
      res.writeHead(answer.statusCode ?? 502, answer.statusMessage, towardsClient(answer.rawHeaders));
      answer.on("error", () => giveUp(UNREACHABLE));
      // The edge may answer before it has read all (413): what is still to come is of no use to it.
      answer.on("end", () => {
        if (!opened.writableFinished) abandonUpload(req, opened);
        endOnceRead(req, res);
      });
      answer.pipe(res, { end: false });
    });
    return opened;
  };
  let withdraw = (): void => {};
  const send = (body: Buffer | null): void => {
    const request = batchedRequest(req, path, body);
    if (request === null || carrier.batches === null) {
      open().end(body ?? undefined);
      return;
    }
    withdraw = carrier.batches.send({
      ...request,
      caller,
      alone: () => open().end(body ?? undefined),
      answered(answer) {
        if (settled) return;
        settled = true;
        res.writeHead(answer.status, [...answer.headers, "Content-Length", String(answer.body.length)]);
        res.end(answer.body);
      },
      failed(error) {
        if (!settled) log("warn", "edge-unreachable", { node: caller.node, error: messageOf(error) });
        giveUp(UNREACHABLE);
      },
    });
  };
  if (!hasBody(req)) send(null);
  else if (isKeyRequest(path)) collectBody(req, maxBytes, visit, giveUp, send);
  else streamBody(req, open(), maxBytes, giveUp);
  return () => {
    clearTimeout(timer);
    settled = true;
    withdraw();
    if (!res.writableFinished) upstream?.destroy();
    visit.leave();
  };
}

/** What of a request a batch carries; null for one that must travel by itself, whatever it is. */
function batchedRequest(req: http.IncomingMessage, path: string, body: Buffer | null) {
  const { method } = req;
  if ((method !== "GET" || body !== null) && method !== "POST") return null;
  if (keyVerbOf(path) === null || (body !== null && !isUtf8(body))) return null;
  const idempotencyKey = req.headers["idempotency-key"];
  return {
    method,
    target: path,
    body: body?.toString("utf8") ?? null,
    idempotencyKey: typeof idempotencyKey === "string" ? idempotencyKey : null,
  } as const;
}

/**
 * The edge bounds bodies too, but by hanging up on an upload in progress, on which its answer can get lost. Nothing an
 * SAE asks for is larger than the first bound; the second is that of the network document, for operators with a
 * certificate.
 */
const maxBodyBytes = (path: string): number => (isKeyRequest(path) ? LIMITS.jsonBodyBytes : LIMITS.networkBodyBytes);
const isKeyRequest = (path: string): boolean => path.startsWith("/api/v1/keys/");
const hasBody = ({ headers }: http.IncomingMessage): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;

/**
 * Waits for the whole body before the edge hears of the request: a client that is slow to send keeps none of the few
 * connections there from others. Chunks are copied together as they come, for kept as chunks, a body sent byte by byte
 * takes many times its size.
 */
function collectBody(
  req: http.IncomingMessage,
  maxBytes: number,
  visit: Visit,
  giveUp: (answer: Answer) => void,
  whole: (body: Buffer) => void,
): void {
  let buffer = Buffer.alloc(0);
  let bytes = 0;
  let refused = false;
  const refuseWith = (answer: Answer): void => {
    refused = true;
    buffer = Buffer.alloc(0);
    giveUp(answer);
  };
  req.on("data", (chunk: Buffer) => {
    if (refused) return;
    const needed = bytes + chunk.length;
    if (needed > maxBytes) {
      refuseWith(tooLarge(maxBytes));
      return;
    }
    if (needed > buffer.length) {
      const grown = Math.min(maxBytes, Math.max(needed, 2 * buffer.length, FIRST_BUFFER_BYTES));
      if (!visit.hold(grown - buffer.length)) {
        refuseWith(KME_BUSY);
        return;
      }
      buffer = Buffer.concat([buffer], grown);
    }
    bytes += chunk.copy(buffer, bytes);
  });
  req.on("end", () => {
    if (!refused) whole(buffer.subarray(0, bytes));
  });
}

function streamBody(
  req: http.IncomingMessage,
  upstream: http.ClientRequest,
  maxBytes: number,
  giveUp: (answer: Answer) => void,
): void {
  let bytes = 0;
  req.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxBytes) giveUp(tooLarge(maxBytes));
  });
  req.on("error", () => upstream.destroy());
  req.pipe(upstream);
}

/** The rest of the body is read and dropped: a client in mid-upload reads no answer. */
function abandonUpload(req: http.IncomingMessage, upstream: http.ClientRequest | undefined): void {
  req.unpipe();
  req.resume();
  upstream?.destroy();
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
