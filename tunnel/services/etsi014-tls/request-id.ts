/** What a front calls a request: the client's own word if it can be, and the same wherever it goes. */
import { randomUUID } from "node:crypto";
import type http from "node:http";
import { REQUEST_ID_HEADER, requestIdOf } from "../../../shared/telemetry/request-id.ts";

const known = new WeakMap<http.IncomingMessage, string>();

export function requestIdFor(req: http.IncomingMessage): string {
  let id = known.get(req);
  if (id === undefined) {
    // Of several Node shows them joined, which is no id.
    const sent = req.headers["x-request-id"];
    id = requestIdOf(typeof sent === "string" ? sent : null, randomUUID);
    known.set(req, id);
  }
  return id;
}

/** Name and value. */
export const requestIdHeader = (req: http.IncomingMessage): readonly [string, string] => [
  REQUEST_ID_HEADER,
  requestIdFor(req),
];
