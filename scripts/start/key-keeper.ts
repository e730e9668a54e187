/**
 * Keeps the epoch keys for the engine, behind a unix socket: the engine's own disk service could read and write the
 * folder, but what it writes is not on the disk yet when it answers, and a key that a power cut takes would take all
 * that was sealed under it along.
 */
import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { EpochFolder } from "./epoch-folder.ts";
import { messageOf, StartFailure } from "./failure.ts";

export interface KeyKeeper {
  close(): void;
}

/** What the engine may ask; the other side of it is `folderKeys` (durable-objects/storage/epoch-store.ts). */
export async function keepKeys(keys: EpochFolder, socket: string): Promise<KeyKeeper> {
  // Only the engine closes connections: one that ended under its request would fail it.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    request.resume();
    try {
      answer(keys, request, response);
    } catch (thrown) {
      process.stderr.write(`epoch keys: ${messageOf(thrown)}\n`);
      response.writeHead(500).end();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(new StartFailure(`cannot listen on ${socket}: ${messageOf(error)}`)));
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
  return {
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answer(keys: EpochFolder, { method, url = "" }: IncomingMessage, response: ServerResponse): void {
  if (url === "/" && method === "GET") {
    // Read before anything is answered: what fails is answered by who catches it.
    const numbers = JSON.stringify(keys.numbers());
    response.writeHead(200, { "content-type": "application/json" }).end(numbers);
    return;
  }
  const epoch = Number(/^\/(?<epoch>[1-9]\d{0,8})$/.exec(url)?.groups?.["epoch"]);
  if (Number.isNaN(epoch)) response.writeHead(404).end();
  else if (method === "GET") answerKey(keys.read(epoch), response);
  else if (method === "PUT") done(() => keys.make(epoch), response);
  else if (method === "DELETE") done(() => keys.destroy(epoch), response);
  else response.writeHead(405).end();
}

function answerKey(key: string | null, response: ServerResponse): void {
  if (key === null) response.writeHead(404).end();
  else response.writeHead(200, { "content-type": "text/plain" }).end(key);
}

function done(work: () => void, response: ServerResponse): void {
  work();
  response.writeHead(204).end();
}
