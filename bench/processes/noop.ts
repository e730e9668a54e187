/**
 * What the same machine, TLS settings and load tool reach when the server does nothing: every request is answered with
 * the same container, of as many keys as its path's first segment says. The yardstick of all ratios.
 */
import { randomBytes, randomUUID } from "node:crypto";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { LIMITS } from "../../shared/limits.ts";
import { loadCredentials } from "../../tunnel/services/etsi014-tls/credentials.ts";

export interface NoopConfig {
  /** PEM files, as a KME front's. */
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly keyCounts: readonly number[];
  readonly sizeBits: number;
}
export type FromNoop = { readonly type: "serving"; readonly port: number };

process.on("disconnect", () => process.exit(0));
process.once("message", (config: NoopConfig) => void serve(config));

async function serve({ cert, key, ca, keyCounts, sizeBits }: NoopConfig): Promise<void> {
  const containers = new Map(keyCounts.map((count) => [String(count), Buffer.from(containerOf(count, sizeBits))]));
  const { context } = await loadCredentials({ node: "no-op", host: "127.0.0.1", port: 0, cert, key, ca }, null);
  const server = https.createServer(
    {
      ...context,
      requestCert: true,
      rejectUnauthorized: true,
      noDelay: true,
      keepAliveTimeout: LIMITS.frontKeepAliveMs,
    },
    (request, response) => {
      const container = containers.get(request.url?.split("/", 2)[1] ?? "");
      request.resume();
      request.on("end", () => {
        response.writeHead(container === undefined ? 404 : 200, {
          "content-type": "application/json",
          "content-length": container?.length ?? 0,
        });
        response.end(container);
      });
    },
  );
  server.listen(0, "127.0.0.1", () => {
    const { port } = server.address() as AddressInfo;
    process.send?.({ type: "serving", port } satisfies FromNoop);
  });
}

function containerOf(count: number, sizeBits: number): string {
  const entry = () => ({ key_ID: randomUUID(), key: randomBytes(sizeBits / 8).toString("base64") });
  return JSON.stringify({ keys: Array.from({ length: count }, entry) });
}
