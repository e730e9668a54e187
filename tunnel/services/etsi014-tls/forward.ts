/** One request through the front: bounded, and answered with an Error object where the edge does not. */
import type http from "node:http";
import { LIMITS } from "../../../shared/limits.ts";
import type { ReadAnswer } from "../../../shared/batch/read-answers.ts";
import { type Log, messageOf } from "../../log.ts";
import {
  type Answer,
  BAD_TARGET,
  CALLER_BUSY,
  endOnceRead,
  refuse,
  SURPLUS,
  tooLarge,
  UNREACHABLE,
} from "./answers.ts";
import { batchable } from "./batchable.ts";
import type { Carrier } from "./carrier.ts";
import { towardsClient } from "./headers.ts";
import type { Caller } from "./identity.ts";
import type { Visit } from "./load.ts";
import { requestIdFor, requestIdHeader } from "./request-id.ts";
import { abandonUpload, collectBody, streamBody } from "./upload.ts";

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
  if (!isTarget(path)) refuse(req, res, BAD_TARGET);
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
  let withdraw: (() => void) | undefined;
  let settled = false;
  const giveUp = (answer: Answer): void => {
    if (settled) return;
    settled = true;
    abandonUpload(req, upstream);
    // Half an answer must not look like a whole one.
    if (res.headersSent) res.destroy();
    else refuse(req, res, answer);
  };
  const failed = (error: Error): void => {
    if (settled) return;
    log("warn", "edge-unreachable", { node: caller.node, request_id: requestIdFor(req), error: messageOf(error) });
    giveUp(UNREACHABLE);
  };
  const timer = setTimeout(() => giveUp(UNREACHABLE), LIMITS.frontRequestMs + LIMITS.frontAnswerMs);
  const open = (): http.ClientRequest => {
    const { method = "GET", rawHeaders } = req;
    const opened = carrier.open({ method, path, rawHeaders, ownHeaders: requestIdHeader(req) }, caller);
    upstream = opened;
    opened.on("error", failed);
    opened.on("response", (answer) => {
      if (settled) {
        answer.destroy();
        return;
      }
      answer.on("error", () => giveUp(UNREACHABLE));
      // The edge may answer before it has read all (413): what is still to come is of no use to it.
      answer.on("end", () => {
        if (!opened.writableFinished) abandonUpload(req, opened);
        endOnceRead(req, res);
      });
      answer.pipe(writeHead(res, answer), { end: false });
    });
    return opened;
  };
  const answered = ({ status, headers, body, bodyBytes }: ReadAnswer): void => {
    if (settled) return;
    settled = true;
    res.writeHead(status, [...headers, "Content-Length", String(bodyBytes), ...requestIdHeader(req)]);
    // Of ASCII the quicker of the two; as text it leaves in one piece with the headers.
    res.end(body, body.length === bodyBytes ? "latin1" : "utf8");
  };
  const send = (body: Buffer | null): void => {
    const alone = (): void => {
      if (!settled) open().end(body ?? undefined);
    };
    const { batches } = carrier;
    const request = batches === null ? null : batchable(req, body);
    if (batches === null || request === null) alone();
    else withdraw = batches.send({ ...request, caller, answered, alone, failed });
  };
  if (!hasBody(req)) send(null);
  else if (isKeyRequest(path)) collectBody(req, maxBytes, visit, giveUp, send);
  else streamBody(req, open(), maxBytes, giveUp);
  return () => {
    clearTimeout(timer);
    settled = true;
    withdraw?.();
    if (!res.writableFinished) upstream?.destroy();
    visit.leave();
  };
}

/** The edge's words for a status are left out: they would differ from those of an answer that came in a batch. */
const writeHead = (res: http.ServerResponse, { statusCode, rawHeaders }: http.IncomingMessage): http.ServerResponse =>
  res.writeHead(statusCode ?? 502, towardsClient(rawHeaders));

/** The engine refuses these characters too, but in a text that is no Error object. */
export const isTarget = (path: string): boolean => path.startsWith("/") && !/["<>`]/.test(path);

/**
 * The edge bounds bodies too, but by hanging up on an upload in progress, on which its answer can get lost. Nothing an
 * SAE asks for is larger than the first bound; the second is that of the network document, for operators with a
 * certificate.
 */
const maxBodyBytes = (path: string): number => (isKeyRequest(path) ? LIMITS.jsonBodyBytes : LIMITS.networkBodyBytes);
const isKeyRequest = (path: string): boolean => path.startsWith("/api/v1/keys/");
const hasBody = ({ headers }: http.IncomingMessage): boolean =>
  headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined;
