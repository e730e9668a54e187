/** A device's REST API: the same small JSON to every request. */
import { createServer } from "node:http";
import type { Server } from "node:net";
import { MESSAGE_BYTES } from "./services.ts";

const KEEP_ALIVE_MS = 60_000;

export function httpServer(): Server {
  const body = JSON.stringify({ key: "k".repeat(MESSAGE_BYTES) });
  return createServer({ noDelay: true, keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    request.resume();
    request.once("end", () => {
      response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
      response.end(body);
    });
  });
}
