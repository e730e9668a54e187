/**
 * WebSockets through the front: the handshake is passed on as any request is, with the certificate of its connection; then
 * bytes go both ways, as fast as who takes them. One takes a connection of its certificate for as long as it is open, and
 * ends with it when the certificate no longer counts.
 */
import http from "node:http";
import type { Duplex } from "node:stream";
import { LIMITS } from "../../../shared/limits.ts";
import { type Log, messageOf } from "../../log.ts";
import { answerByHand, destroySoon } from "./bad-request.ts";
import { BAD_TARGET, UNREACHABLE } from "./answers.ts";
import type { Carrier } from "./carrier.ts";
import { isTarget } from "./forward.ts";
import { towardsClient, UPGRADED, withoutTokens } from "./headers.ts";
import type { Caller } from "./identity.ts";

/**
 * Of all that HTTP can be upgraded to, this; any other request for an upgrade is served without it (RFC 9110 7.8). So is
 * one with a body: the edge would wait for it, and might take the next handshake on that connection for the rest of it.
 */
export const isWebSocket = ({ headers, method }: http.IncomingMessage): boolean =>
  method === "GET" &&
  headers.upgrade?.toLowerCase() === "websocket" &&
  (headers["content-length"] ?? "0") === "0" &&
  headers["transfer-encoding"] === undefined;

export function passUpgrade(
  req: http.IncomingMessage,
  socket: Duplex,
  head: Buffer,
  { caller, carrier, log }: { readonly caller: Caller; readonly carrier: Carrier; readonly log: Log },
): void {
  const path = req.url ?? "";
  socket.on("error", () => socket.destroy());
  if (!isWebSocket(req) || !isTarget(path)) {
    answerByHand(socket, "400 Bad Request", isTarget(path) ? "no such upgrade" : BAD_TARGET.message);
    return;
  }
  const rawHeaders = withoutTokens(req.rawHeaders);
  const upstream = carrier.openSocket({ method: "GET", path, rawHeaders }, caller);
  const timer = setTimeout(() => upstream.destroy(new Error("no answer to a handshake")), LIMITS.frontAnswerMs);
  socket.once("close", () => upstream.destroy());
  upstream.once("close", () => clearTimeout(timer));
  upstream.on("error", (error) => {
    if (socket.destroyed) return;
    log("warn", "edge-unreachable", { node: caller.node, error: messageOf(error) });
    answerByHand(socket, "503 Service Unavailable", UNREACHABLE.message, UNREACHABLE.headers);
  });
  upstream.on("response", (answer) => {
    const { statusCode = 502 } = answer;
    const status = `${statusCode} ${http.STATUS_CODES[statusCode] ?? ""}`;
    socket.write(headText(status, [...towardsClient(answer.rawHeaders), ...LAST]));
    answer.pipe(socket);
    destroySoon(socket);
  });
  upstream.on("upgrade", (answer, edge, edgeHead) => {
    clearTimeout(timer);
    socket.write(headText("101 Switching Protocols", [...towardsClient(answer.rawHeaders), ...UPGRADED]));
    join(socket, head, edge, edgeHead);
  });
  upstream.end();
}

const LAST = ["Connection", "close"];

/** @param headers name, value, name, value ... as Node's `rawHeaders` */
function headText(status: string, headers: readonly string[]): string {
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1] ?? ""}\r\n`] : []));
  return `HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`;
}

/** Until either ends. What has come with the heads goes first. */
function join(client: Duplex, head: Buffer, edge: Duplex, edgeHead: Buffer): void {
  client.write(edgeHead);
  edge.write(head);
  edge.on("error", () => edge.destroy());
  edge.once("close", () => client.destroy());
  client.once("close", () => edge.destroy());
  client.pipe(edge);
  edge.pipe(client);
}
