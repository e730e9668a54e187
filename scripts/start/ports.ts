/** Which ports are listened on, and whether they are to be had. */
import { createServer } from "node:net";
import { codeOf, messageOf, StartFailure } from "./failure.ts";

export const HOST = "127.0.0.1";
const EDGE_PORT = 8787;
const FIRST_KME_PORT = 9000;
const KME_PORT_STEP = 10;

/** 0: any free one. */
export const edgePort = (random: boolean): number => (random ? 0 : EDGE_PORT);

/** By the node's place in the network, so that a front more or less moves none of the others. 0: any free one. */
export const kmePorts = (nodes: readonly string[], random: boolean): Readonly<Record<string, number>> =>
  Object.fromEntries(nodes.map((node, index) => [node, random ? 0 : FIRST_KME_PORT + KME_PORT_STEP * index]));

/** Asked before what wants the port is started, so that nothing has to be taken back. */
export function checkPort(port: number, use: string): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      const reason = codeOf(error) === "EADDRINUSE" ? "is in use" : `cannot be used (${messageOf(error)})`;
      reject(
        new StartFailure(
          `port ${port} on ${HOST}, for ${use}, ${reason}: end what listens there, or start with --random-ports`,
        ),
      );
    });
    server.listen(port, HOST, () => server.close(() => resolve()));
  });
}
