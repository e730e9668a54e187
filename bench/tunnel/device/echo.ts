/** Sends back what comes: pings, and the first byte of a connection. */
import { createServer, type Server } from "node:net";

export const echoServer = (): Server =>
  createServer({ noDelay: true }, (socket) => {
    socket.on("data", (chunk) => socket.write(chunk));
    socket.on("error", () => socket.destroy());
  });
