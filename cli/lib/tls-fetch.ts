/** `fetch` with an authority or a client certificate of the caller's choice, which Node's own cannot be told. */
import https from "node:https";
import { Readable } from "node:stream";
import { createSecureContext } from "node:tls";
import { CliFailure } from "./failure.ts";

/** PEM. */
export interface TlsFiles {
  /** Authorities that count in place of those Node knows. */
  readonly ca?: string;
  /** With `key`. */
  readonly cert?: string;
  readonly key?: string;
}

export type FetchLike = (
  url: string,
  init: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Uint8Array<ArrayBuffer> | null;
    /** A redirect is never followed: `error` says so, `manual` hands it over. */
    readonly redirect?: "error" | "manual";
    readonly signal?: AbortSignal;
  },
) => Promise<Response>;

/** @throws CliFailure where certificate and key cannot be used */
export function fetchWith(files: TlsFiles | null): FetchLike {
  if (files === null) return (url, init) => fetch(url, init);
  const agent = agentOf(files);
  return (url, { body, redirect, ...init }) =>
    new Promise((resolve, reject) => {
      const sent = https.request(url, { ...init, agent }, (answer) => {
        const status = answer.statusCode ?? 0;
        if (redirect === "error" && status >= 300 && status < 400) {
          answer.destroy();
          reject(new Error("the answer is a redirect, which is not followed"));
          return;
        }
        const headers = Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as const);
        const hasBody = status !== 204 && status !== 205 && status !== 304;
        if (!hasBody) answer.resume();
        resolve(
          new Response(hasBody ? (Readable.toWeb(answer) as ReadableStream<Uint8Array>) : null, {
            status,
            headers: Object.fromEntries(headers),
          }),
        );
      });
      sent.on("error", reject);
      sent.end(body ?? undefined);
    });
}

function agentOf(files: TlsFiles): https.Agent {
  try {
    const secureContext = createSecureContext({ ...files, minVersion: "TLSv1.2" });
    return new https.Agent({ secureContext, keepAlive: true });
  } catch (error) {
    throw new CliFailure(`certificate and key cannot be used: ${error instanceof Error ? error.message : "no reason"}`);
  }
}
