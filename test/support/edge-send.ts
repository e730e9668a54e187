/** The feeds' way to a running edge: `fetch` with a bearer token. The edge's address is read anew for each request. */
import { readFileSync } from "node:fs";
import { parseRetryAfter } from "../../shared/retry.ts";
import type { Send } from "../../tunnel/feeds/edge.ts";

/** @param portsFile `ports.json` of `npm start`, which changes with a restart */
export const edgeSend =
  (portsFile: string, token: string): Send =>
  async ({ method, path, body }, signal) => {
    const { edge } = JSON.parse(readFileSync(portsFile, "utf8")) as { edge: string };
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = body.contentType;
    const request: RequestInit = { method, headers, redirect: "error", signal };
    if (body !== undefined) request.body = Uint8Array.from(body.bytes);
    const response = await fetch(edge + path, request);
    const text = await response.text();
    return {
      status: response.status,
      retryAfterSeconds: parseRetryAfter(response.headers.get("retry-after")),
      json: text === "" ? null : JSON.parse(text),
    };
  };
