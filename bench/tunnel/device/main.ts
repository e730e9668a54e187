/** The device behind the tunnel, in a process of its own: serves what it is asked for, each on a port of loopback. */
import type { AddressInfo, Server } from "node:net";
import { bulkServer } from "./bulk.ts";
import { echoServer } from "./echo.ts";
import { h2cServer } from "./h2c.ts";
import { httpServer } from "./http.ts";
import type { FromDevice, ServiceName, ToDevice } from "./services.ts";

const SERVERS: Readonly<Record<ServiceName, () => Server>> = {
  bulk: bulkServer,
  echo: echoServer,
  h2c: h2cServer,
  http: httpServer,
};
/** Above the streams of any measurement. */
const BACKLOG = 1024;

const listen = (server: Server): Promise<number> =>
  new Promise((resolve) => {
    server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });

async function serve({ services }: ToDevice): Promise<void> {
  const ports: Partial<Record<ServiceName, number>> = {};
  for (const name of services) ports[name] = await listen(SERVERS[name]());
  process.send?.({ type: "serving", ports } satisfies FromDevice);
}

process.once("message", (message: ToDevice) => void serve(message));
process.on("disconnect", () => process.exit(0));
