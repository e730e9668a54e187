/** HTTPS as qkd-trusted-node and its KMEs speak it: JSON, certificates of clients told by their CN, and none verified. */
import { once } from "node:events";
import https from "node:https";
import { json, text } from "node:stream/consumers";
import type { TLSSocket } from "node:tls";
import type { Issued } from "../../pki/authority.ts";
import { listenLocally } from "./listen-locally.ts";

export interface Identity extends Pick<Issued, "certificate" | "key"> {
  /** The authority of all certificates, PEM. */
  readonly ca: string;
}

export interface OriginalCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** CN of the client's certificate. */
  readonly caller: string;
  readonly body: unknown;
}

/** What FastAPI answers by itself: 400 with these words. Any other error is a 500 without JSON. */
export class Refusal extends Error {}

export interface OriginalServer {
  readonly url: string;
  readonly asked: OriginalCall[];
  close(): void;
}

export async function serveOriginal(
  identity: Identity,
  answer: (call: OriginalCall) => Promise<unknown>,
): Promise<OriginalServer> {
  const asked: OriginalCall[] = [];
  const { certificate: cert, key, ca } = identity;
  const server = https.createServer(
    { cert, key, ca, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      void (async () => {
        const url = new URL(request.url ?? "/", "https://node");
        const { CN: caller = "" } = (request.socket as TLSSocket).getPeerCertificate().subject as { CN?: string };
        const body = request.method === "POST" ? await json(request) : null;
        const call = { method: request.method ?? "", path: url.pathname, query: url.searchParams, caller, body };
        asked.push(call);
        response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(await answer(call)));
      })().catch((error: unknown) => {
        if (error instanceof Refusal) response.writeHead(400).end(JSON.stringify({ message: error.message }));
        else response.writeHead(500).end("Internal Server Error");
      });
    },
  );
  const port = await listenLocally(server);
  return {
    url: `https://127.0.0.1:${port}`,
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** The answer's JSON, whatever its status. */
export async function askOriginal(identity: Identity, url: string, body?: unknown): Promise<unknown> {
  const { certificate: cert, key } = identity;
  const options = { cert, key, rejectUnauthorized: false, agent: false, timeout: 5000 };
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  const request = https.request(url, { ...options, headers, method: body === undefined ? "GET" : "POST" });
  request.once("timeout", () => request.destroy(new Error("timed out")));
  request.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(request, "response")) as [NodeJS.ReadableStream];
  return JSON.parse(await text(response));
}
