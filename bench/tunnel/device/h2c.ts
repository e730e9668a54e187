/** A gRPC-shaped unary service over cleartext HTTP/2, as SiteAgents speak it. */
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { Server } from "node:net";
import { MESSAGE_BYTES } from "./services.ts";

/** One message of gRPC: not compressed, its length, its bytes. */
export function grpcMessage(): Buffer {
  const message = Buffer.alloc(5 + MESSAGE_BYTES, "k");
  message.writeUInt8(0, 0);
  message.writeUInt32BE(MESSAGE_BYTES, 1);
  return message;
}

export function h2cServer(): Server {
  const answer = grpcMessage();
  const server = createServer();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => stream.destroy());
    stream.resume();
    stream.once("end", () => {
      stream.once("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.end(answer);
    });
  });
  return server;
}
