import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { FakeEdge } from "../../test/support/fake-edge.ts";
import { Lines, startAgent, startHub, temporaryFolder } from "../../test/support/tunnel-agent.ts";
import type { Send } from "../feeds/edge.ts";
import { checkConfig } from "./config/load.ts";
import { Edge } from "./link/edge.ts";
import { Feeds, sendBy } from "./feeds.ts";

/** An edge that tells of each block it has taken. */
function watchedEdge() {
  const edge = new FakeEdge();
  const listeners = new Set<() => void>();
  const send: Send = async (request, signal) => {
    const answer = await edge.send(request, signal);
    for (const listener of listeners) listener();
    return answer;
  };
  const blocks = async (count: number): Promise<void> => {
    while (edge.blocks.size < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      listeners.add(resolve);
      await promise;
      listeners.delete(resolve);
    }
  };
  return { edge, send, blocks };
}

const drop = (folder: string, name: string, bytes: number): void =>
  writeFileSync(path.join(folder, name), Buffer.alloc(bytes, name));

test("a feed pushes with the token of the welcome, and again after the tunnel was cut", async () => {
  const hub = await startHub();
  const { edge, send, blocks } = watchedEdge();
  hub.rest = send;
  const folder = temporaryFolder();
  const done = path.join(folder, "done");
  mkdirSync(done);
  drop(folder, "one.cor", 1000);
  const { lines, agent, stop } = await startAgent(hub, "site-a", {
    feed: [
      {
        type: "directory",
        name: "keys",
        link: "a-b",
        node: "tn-1",
        path: folder,
        pattern: "*.cor",
        complete: "size",
        file_bytes: 1000,
        poll_ms: 20,
        after: "move",
        done_path: done,
      },
    ],
  });
  await blocks(1);
  hub.cutAll();
  await lines.seen("disconnected");
  drop(folder, "two.cor", 1000);
  await blocks(2);
  expect([...edge.blocks.keys()].sort()).toEqual(["one.cor:0", "two.cor:0"]);
  agent.logGauges("info");
  expect(lines.all.at(-1)?.fields).toMatchObject({ feed: "keys", blocksRead: 2 });
  await stop();
});

test("a feed that cannot start is tried again, and the tunnel stays", async () => {
  const state = temporaryFolder();
  const folder = temporaryFolder();
  const [lines, edge] = [new Lines(), new FakeEdge()];
  const spool = path.join(state, "spool");
  writeFileSync(spool, "a file where the folder should be");
  const feed = { type: "directory", name: "keys", link: "a-b", node: "tn-1", path: folder, after: "delete" } as const;
  const { feed: feeds } = checkConfig({ edge: "https://edge.example", site: "site-a", feed: [feed] });
  const running = new Feeds({ feeds, state, send: edge.send, log: lines.log, retryMs: 10 });
  const ended = new AbortController();
  const run = running.run(ended.signal);
  expect((await lines.seen("feed failed; it is tried again")).fields).toMatchObject({ feed: "keys", retryMs: 10 });
  rmSync(spool);
  while (running.running.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  ended.abort();
  await run;
  expect(running.running).toEqual([]);
});

test("while the tunnel is down nothing is sent", async () => {
  const edge = new Edge({ edge: "http://127.0.0.1:1" });
  const send = sendBy(edge, { session: null });
  await expect(send({ method: "GET", path: "/" }, new AbortController().signal)).rejects.toThrow("the tunnel is down");
});
