/** Which ports are listened on, and whether they are to be had. */
import { createServer } from "node:net";
import { codeOf, messageOf, StartFailure } from "./failure.ts";

export const HOST = "127.0.0.1";
const EDGE_PORT = 8787;
const FIRST_KME_PORT = 9000;
const KME_PORT_STEP = 10;

export interface Ports {
  readonly edge: number;
  /** Node -> port. */
  readonly kme: Readonly<Record<string, number>>;
}

/** 0 throughout for random ones. */
export function planPorts(nodes: readonly string[], random: boolean): Ports {
  const kme = nodes.map((node, index) => [node, random ? 0 : FIRST_KME_PORT + KME_PORT_STEP * index] as const);
  return { edge: random ? 0 : EDGE_PORT, kme: Object.fromEntries(kme) };
}

/** Asked before anything is started, so that nothing has to be taken back. */
export async function checkPorts({ edge, kme }: Ports): Promise<void> {
  await checkPort(edge, "the edge");
  for (const [node, port] of Object.entries(kme)) await checkPort(port, `the KME of ${node}`);
}

function checkPort(port: number, use: string): Promise<void> {
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
