/** Servers of tests: on a free port of this machine. */
import { once } from "node:events";
import type { AddressInfo, Server } from "node:net";

/** Of HTTP and TLS, too. @returns its port */
export async function listenLocally(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return portOf(server);
}

/** Of one that listens. */
export const portOf = (server: Server): number => (server.address() as AddressInfo).port;
