import { once } from "node:events";
import { createHash, randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { brokenOff, connectTo, readToEnd, serve, startAgent, startHub } from "../../test/support/tunnel-agent.ts";

/** Site A exposes a port, site B listens for it. */
async function twoSites(onConnection: (socket: Socket) => void, more: { readonly waitMs?: number } = {}) {
  const hub = await startHub({ links: { "site-a": ["site-b"] } });
  const port = await serve(onConnection);
  const exposing = await startAgent(hub, "site-a", {
    service: [{ name: "9000", host: "127.0.0.1", port, allow: ["@linked"] }],
  });
  await exposing.ready;
  const listening = await startAgent(hub, "site-b", {
    listen: [{ port: 0, site: "site-a", service: "9000", wait_ms: more.waitMs ?? 0 }],
  });
  await listening.ready;
  return { hub, exposing, listening, port: listening.agent.listeners[0]!.port };
}

const echo = (socket: Socket): void => void socket.pipe(socket);

test("bytes both ways, whole and in order", async () => {
  const { port } = await twoSites(echo);
  const socket = await connectTo(port);
  const sent = randomBytes(5_000_000);
  socket.end(sent);
  const got = await readToEnd(socket);
  expect(createHash("sha256").update(got).digest("hex")).toBe(createHash("sha256").update(sent).digest("hex"));
});

test("half-close: the answer comes after the end of the question", async () => {
  const { port } = await twoSites((socket) => {
    void readToEnd(socket).then((question) => socket.end(`${question.length} bytes`));
  });
  const socket = await connectTo(port);
  socket.end(Buffer.alloc(100_000));
  expect(String(await readToEnd(socket))).toBe("100000 bytes");
});

test("half-close the other way: the device ends first, and still hears", async () => {
  const heard = Promise.withResolvers<Buffer>();
  const { port } = await twoSites((socket) => {
    socket.end("hello");
    heard.resolve(readToEnd(socket));
  });
  const socket = await connectTo(port);
  expect(String(await readToEnd(socket))).toBe("hello");
  socket.end("late");
  expect(String(await heard.promise)).toBe("late");
});

test("a reset on one side is one on the other", async () => {
  const { port } = await twoSites((socket) => socket.once("data", () => socket.resetAndDestroy()));
  const socket = await connectTo(port);
  socket.write("x");
  const [error] = (await once(socket, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
});

test("and back: a client that resets resets the device's connection", async () => {
  const broken = Promise.withResolvers<string>();
  const { port } = await twoSites((socket) => {
    socket.on("error", (error: NodeJS.ErrnoException) => broken.resolve(error.code ?? ""));
    socket.write("x");
    socket.resume();
  });
  const socket = await connectTo(port);
  await once(socket, "data");
  socket.resetAndDestroy();
  expect(await broken.promise).toBe("ECONNRESET");
});

test("a slow reader stops its sender, and nobody else", async () => {
  const sent = { bytes: 0 };
  const flooding = Promise.withResolvers<void>();
  let flood = true;
  const { port } = await twoSites((socket) => {
    if (!flood) {
      echo(socket);
      return;
    }
    flood = false;
    flooding.resolve();
    const chunk = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (sent.bytes < 64 * 1024 * 1024) {
        sent.bytes += chunk.length;
        if (!socket.write(chunk)) {
          socket.once("drain", more);
          return;
        }
      }
      socket.end();
    };
    more();
  });
  const slow = await connectTo(port);
  slow.pause();
  await flooding.promise;
  const quick = await connectTo(port);
  // Enough round trips beside it that a sender without bounds would have sent all.
  for (let count = 0; count < 200; count++) {
    quick.write(Buffer.alloc(1000));
    await once(quick, "data");
  }
  expect(sent.bytes).toBeLessThan(32 * 1024 * 1024);
  const got = await readToEnd(slow);
  expect(got.length).toBe(64 * 1024 * 1024);
});

test("200 connections at once, each with its own bytes", async () => {
  const { port } = await twoSites(echo);
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const socket = await connectTo(port);
      const text = `connection ${index} `.repeat(500);
      socket.end(text);
      return String(await readToEnd(socket)) === text;
    }),
  );
  expect(answers.every(Boolean)).toBe(true);
});

test("what cannot be reached is refused, with the reason in both logs", async () => {
  const hub = await startHub();
  const exposing = await startAgent(hub, "site-a", {
    service: [{ name: "kme", host: "127.0.0.1", port: 1, allow: ["site-b"] }],
  });
  await exposing.ready;
  const listening = await startAgent(hub, "site-b", { listen: [{ port: 0, site: "site-a", service: "kme" }] });
  await listening.ready;
  expect(await brokenOff(listening.agent.listeners[0]!.port)).toBe("ECONNRESET");
  expect((await exposing.lines.seen("service cannot be reached")).fields["reason"]).toContain("ECONNREFUSED");
  expect((await listening.lines.seen("connection refused")).fields["reason"]).toContain("could not be reached");
});

async function askAgain(port: number): Promise<Buffer> {
  const socket = await connectTo(port);
  socket.end("again");
  return await readToEnd(socket);
}

test("streams end with the socket, and new ones go over the next", async () => {
  const { hub, exposing, listening, port } = await twoSites(echo, { waitMs: 30_000 });
  const before = await connectTo(port);
  before.write("x");
  await once(before, "data");
  hub.cutAll();
  const [error] = (await once(before, "error")) as [NodeJS.ErrnoException];
  expect(error.code).toBe("ECONNRESET");
  await exposing.lines.seen("disconnected");
  await listening.lines.seen("disconnected");
  await hub.owners("site-a");
  await hub.peers("site-a", 1);
  for (;;) {
    // A peer that came back before its owner is sent away once more by this hub.
    const answer = await askAgain(port).catch(() => null);
    if (answer !== null) {
      expect(String(answer)).toBe("again");
      break;
    }
  }
});

test("while the tunnel is down, new connections are refused at once", async () => {
  const { hub, listening, port } = await twoSites(echo);
  await hub.close();
  await listening.lines.seen("disconnected");
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect((await listening.lines.seen("connection refused")).fields).toEqual({
    site: "site-a",
    service: "9000",
    reason: "the tunnel is down",
  });
});

test("the agent checks who may, whatever the hub lets through", async () => {
  const hub = await startHub({ links: { "site-a": ["site-b"] } });
  const dialled: string[] = [];
  const port = await serve(() => dialled.push("dialled"));
  const exposing = await startAgent(hub, "site-a", {
    service: [
      { name: "one", host: "127.0.0.1", port, allow: ["site-c"] },
      { name: "two", host: "127.0.0.1", port, allow: ["@linked"] },
      { name: "three", host: "127.0.0.1", port },
    ],
  });
  await exposing.ready;
  const stranger = await startAgent(hub, "site-d", {
    listen: ["one", "two", "three", "four"].map((service) => ({ port: 0, site: "site-a", service })),
  });
  await stranger.ready;
  for (const { port: local } of stranger.agent.listeners) {
    expect(await brokenOff(local)).toBe("ECONNRESET");
  }
  const opened = await hub.openAsHub("site-a", "one").opened;
  expect(opened.ok ? null : opened.error.code).toBe("not-allowed");
  expect(dialled).toEqual([]);
  expect(exposing.lines.count("not-allowed")).toBe(4);
  expect(exposing.lines.count("unknown-service")).toBe(1);
});

test("who the hub has not introduced gets nothing", async () => {
  const hub = await startHub({ links: { "site-a": ["site-b"] } });
  hub.announcing = false;
  const exposing = await startAgent(hub, "site-a", {
    service: [{ name: "one", host: "127.0.0.1", port: 1, allow: ["@linked", "site-b"] }],
  });
  await exposing.ready;
  const listening = await startAgent(hub, "site-b", { listen: [{ port: 0, site: "site-a", service: "one" }] });
  await listening.ready;
  expect(await brokenOff(listening.agent.listeners[0]!.port)).toBe("ECONNRESET");
  expect((await exposing.lines.seen("not-allowed")).fields["from"]).toBe("unknown");
});
