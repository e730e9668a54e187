/** TLS in front of a deployment's edge, as a proxy of its site ends it, with a certificate of a private authority. */
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { type Authority, issue } from "../../pki/authority.ts";

export class TlsTerminator {
  readonly url: string;
  /** TLS connections that came about. */
  connections = 0;
  readonly #server: tls.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: tls.Server, edge: URL) {
    this.#server = server;
    this.url = `https://localhost:${(server.address() as AddressInfo).port}`;
    server.on("secureConnection", (socket) => {
      this.connections++;
      const inside = net.connect(Number(edge.port), edge.hostname);
      for (const each of [socket, inside]) {
        this.#sockets.add(each);
        each.on("error", () => each.destroy());
        each.on("close", () => {
          this.#sockets.delete(each);
          socket.destroy();
          inside.destroy();
        });
      }
      socket.pipe(inside).pipe(socket);
    });
  }

  /** @param edge base URL of what stands behind it */
  static async start(edge: string, authority: Authority): Promise<TlsTerminator> {
    const server = tls.createServer(await certificateOf(authority));
    server.on("tlsClientError", () => {});
    server.listen(0, "localhost");
    await once(server, "listening");
    return new TlsTerminator(server, new URL(edge));
  }

  /** From now on, for new connections: there are no others. */
  async use(authority: Authority): Promise<void> {
    this.#server.setSecureContext(await certificateOf(authority));
    this.#drop();
  }

  stop(): void {
    this.#server.close();
    this.#drop();
  }

  #drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function certificateOf(authority: Authority): Promise<tls.SecureContextOptions> {
  const names = [{ type: "dns", value: "localhost" } as const];
  const { certificate, key } = await issue(authority, { commonName: "localhost", usage: "server", sans: names });
  return { cert: certificate, key };
}
