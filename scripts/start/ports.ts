/** Which ports are listened on, and whether they are to be had. */
import { createServer } from "node:net";
import { codeOf, messageOf, StartFailure } from "./failure.ts";

export const HOST = "127.0.0.1";
/** Base URL of what listens there without TLS. */
export const localUrl = (port: number): string => `http://${HOST}:${port}`;
const EDGE_PORT = 8787;
const FIRST_KME_PORT = 9000;
const KME_PORT_STEP = 10;

/** Known before the edge starts, as that has to know its own address. */
export const edgePort = async (random: boolean): Promise<number> => (random ? await freePort() : EDGE_PORT);

/** By which names agents may know an edge on this machine. */
export const loopbackHosts = (port: number): readonly string[] => [`${HOST}:${port}`, `localhost:${port}`];

/** By the node's place in the network, so that a front more or less moves none of the others. 0: any free one. */
export const kmePorts = (nodes: readonly string[], random: boolean): Readonly<Record<string, number>> =>
  Object.fromEntries(nodes.map((node, index) => [node, random ? 0 : FIRST_KME_PORT + KME_PORT_STEP * index]));

/** Below those that the system gives to connections, which would take one while its listener is still to start. */
const FREE = { first: 20_000, last: 31_999 };

/** What this process gave out, and where nobody listens perhaps as yet. */
const given = new Set<number>();

/** Of runs beside one another each may have ports of its own: `QKD_RANDOM_PORTS=20000-22999`. */
function rangeOfPorts(): { readonly first: number; readonly last: number } {
  const [first = Number.NaN, last = Number.NaN] = (process.env["QKD_RANDOM_PORTS"] ?? "").split("-").map(Number);
  return 0 < first && first <= last && last <= 65_535 ? { first, last } : FREE;
}

/** One that nobody has now, and that this process gave to nobody; of what cannot tell by itself which one it got. */
export async function freePort(): Promise<number> {
  const { first, last } = rangeOfPorts();
  if (given.size > (last - first) / 2) given.clear();
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - first + 1));
    if (given.has(port)) continue;
    given.add(port);
    if (await canListen(port)) return port;
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, HOST, () => server.close(() => resolve(true)));
  });
}

/** Asked before what wants the port is started, so that nothing has to be taken back. */
export function checkPort(port: number, use: string, host = HOST): Promise<void> {
  if (port === 0) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      const reason = codeOf(error) === "EADDRINUSE" ? "is in use" : `cannot be used (${messageOf(error)})`;
      reject(
        new StartFailure(
          `port ${port} on ${host}, for ${use}, ${reason}: end what listens there, or start with --random-ports`,
        ),
      );
    });
    // Without a host: every address of the machine.
    server.listen({ port, ...(host === "*" ? {} : { host }) }, () => server.close(() => resolve()));
  });
}
