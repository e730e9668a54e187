/** A TCP connection, made. */
import { connect, type Socket } from "node:net";

export function dial(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject);
      // What the end of a connection means is for its user to say, who hears of it by "close".
      socket.on("error", () => socket.destroy());
      resolve(socket);
    });
  });
}
