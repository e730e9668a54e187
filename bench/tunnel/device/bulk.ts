/** The device's end of bulk transfers: see bulk-wire.ts. */
import { createServer, type Server, type Socket } from "node:net";
import { decodeHead, HEAD_BYTES, receiveBulk, sendBulk } from "../bulk-wire.ts";

export const bulkServer = (): Server =>
  createServer({ noDelay: true }, (socket) => {
    // A client that has seen enough just closes.
    socket.on("error", () => socket.destroy());
    serve(socket).catch(() => socket.destroy());
  });

/** Any byte: the way is open all through. */
const OPEN = Buffer.of(1);

const frozen = new Set<Socket>();

async function serve(socket: Socket): Promise<void> {
  const head = decodeHead(await headOf(socket));
  if (head.direction === "frozen") {
    frozen.add(socket);
    socket.write(OPEN);
    return;
  }
  if (head.direction === "thaw") {
    // Whoever reads nothing does not notice that the other end is gone.
    for (const each of frozen) each.destroy();
    frozen.clear();
    socket.end(OPEN);
    return;
  }
  if (head.direction === "up") {
    const { own } = await receiveBulk(socket, head, 0);
    socket.write(own);
    return;
  }
  // Flowing, or the end of the connection would go unnoticed.
  socket.resume();
  socket.write(await sendBulk(socket, head));
}

/** Leaves the socket paused, with nothing but what follows the head in it. */
function headOf(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const look = (): void => {
      const head = socket.read(HEAD_BYTES) as Buffer | null;
      if (head === null) return;
      socket.off("readable", look);
      resolve(head);
    };
    socket.on("readable", look);
  });
}
