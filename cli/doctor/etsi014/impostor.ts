/** An authority that nobody trusts, and a server with its certificate. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { Identity } from "../exchange.ts";

/** Loaded only here: what issues certificates is large. */
export async function authorityOfNobody() {
  const { createAuthority, issue } = await import("../../../pki/authority.ts");
  const authority = await createAuthority("an authority nobody trusts");
  const leaf = async (commonName: string, usage: "client" | "server"): Promise<Required<Identity>> => {
    const { certificate, key } = await issue(authority, { commonName, usage });
    return { cert: certificate, key };
  };
  return {
    client: async (commonName: string) => await leaf(commonName, "client"),
    server: async () => await leaf("localhost", "server"),
  };
}

export interface Impostor {
  readonly url: string;
  /** How many came. */
  requests(): number;
  stop(): void;
}

/** On loopback, on a free port. */
export async function impostor(): Promise<Impostor> {
  let requests = 0;
  const server = createServer(await (await authorityOfNobody()).server(), (_request, response) => {
    requests++;
    response.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}`,
    requests: () => requests,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
