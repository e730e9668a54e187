/** What Node's HTTP parser refuses never becomes a request, so its answer is written by hand. */
import type { Duplex } from "node:stream";
import { LIMITS } from "../../../shared/limits.ts";

const ANSWERS: Readonly<Record<string, readonly [line: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    `the headers are larger than ${LIMITS.headerBytes} bytes`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request did not arrive in time"],
};
const BAD_REQUEST = ["400 Bad Request", "the request is not well-formed HTTP"] as const;

export function answerBadRequest(error: NodeJS.ErrnoException, socket: Duplex): void {
  const [line, message] = ANSWERS[error.code ?? ""] ?? BAD_REQUEST;
  answerByHand(socket, line, message);
}

/** An Error object on a connection that ends with it. @param headers name, value, name, value ... */
export function answerByHand(socket: Duplex, line: string, message: string, headers: readonly string[] = []): void {
  const more = headers.map((part, at) => (at % 2 === 0 ? `${part}: ` : `${part}\r\n`)).join("");
  const body = JSON.stringify({ message });
  const head = `HTTP/1.1 ${line}\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${more}Connection: close\r\n\r\n`;
  socket.end(head + body);
  destroySoon(socket);
}

/** For connections on which the last word has been said. */
export function destroySoon(socket: Duplex): void {
  const timer = setTimeout(() => socket.destroy(), LIMITS.frontHangUpMs).unref();
  socket.once("close", () => clearTimeout(timer));
}
