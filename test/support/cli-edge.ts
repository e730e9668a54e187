/** A small stand-in for the edge, and the whole CLI against it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import type { Terminal } from "../../cli/lib/terminal.ts";
import { listenLocally } from "./listen-locally.ts";
import { recordedCli } from "./recorded-cli.ts";

export type Reply = { readonly status: number; readonly json?: unknown; readonly headers?: Record<string, string> };
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}
interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliEdge {
  /** Emptied before every test. */
  readonly seen: Seen[];
  /** What the edge answers, by "METHOD /path"; the last reply of a list is repeated. Status 0: it hangs up. */
  readonly replies: Record<string, Reply[]>;
  readonly qkd: (...argv: string[]) => Promise<Outcome>;
  /** As what the next test's terminal shall be, other than one that only records. */
  readonly like: { -readonly [Key in keyof Terminal]?: Terminal[Key] };
  /** The folder that the CLI runs in. */
  readonly folder: () => string;
  /** Writes a file into the folder that the CLI runs in. */
  readonly file: (name: string, content: string | Uint8Array) => string;
  /** What the last request brought. */
  readonly sent: () => unknown;
}

/** A fresh one for each test of the file. */
export function useCliEdge(): CliEdge {
  const seen: Seen[] = [];
  const replies: Record<string, Reply[]> = {};
  const like: CliEdge["like"] = {};
  let server: Server;
  let edge: string;
  let folder: string;

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const [method, url] = [request.method ?? "", request.url ?? ""];
    seen.push({ method, url, headers: request.headers, body: await buffer(request) });
    const list = replies[`${method} ${url.split("?")[0]}`] ?? [{ status: 404, json: { message: "not found" } }];
    const reply = (list.length > 1 ? list.shift() : list[0])!;
    if (reply.status === 0) {
      response.destroy();
      return;
    }
    response.writeHead(reply.status, reply.headers).end(reply.json === undefined ? "" : JSON.stringify(reply.json));
  };

  beforeEach(async () => {
    seen.length = 0;
    for (const name of Object.keys(replies)) delete replies[name];
    for (const name of Object.keys(like) as (keyof Terminal)[]) delete like[name];
    folder = mkdtempSync(join(tmpdir(), "qkd-run-"));
    server = createServer((request, response) => void answer(request, response));
    edge = `http://127.0.0.1:${await listenLocally(server)}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    seen,
    replies,
    like,
    folder: () => folder,
    async qkd(...argv) {
      const env = { QKD_EDGE: edge, QKD_TOKEN: "a-token-of-the-tests" };
      return await recordedCli(argv, { env, cwd: folder }, like);
    },
    file(name, content) {
      writeFileSync(join(folder, name), content);
      return name;
    },
    sent: () => JSON.parse(seen.at(-1)?.body.toString() ?? "") as unknown,
  };
}
