/** Ports of what listens, ends and listens again, and so cannot have any that is free each time. */
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that the system gives to connections: nobody takes it while the agent that listens there is down. */
export async function ownPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
