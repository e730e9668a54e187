/** The tunnel with real processes and sockets: what goes through it, whole, in order, and beside each other. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import type net from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { freePort } from "../../scripts/start/ports.ts";
import { eventually } from "../support/operator.ts";
import { isRunning } from "../support/run-network.ts";
import { connectTo, readToEnd, serve, temporaryFolder, tokenFile } from "../support/tunnel-agent.ts";
import {
  AgentProcess,
  portIn,
  startAgent,
  tunnelNetwork,
  type TunnelNetwork,
  twoSites,
} from "../support/tunnel-net.ts";

let network: TunnelNetwork;
beforeAll(async () => {
  network = await tunnelNetwork();
});
afterAll(() => network.stop());

const echo = (socket: net.Socket): void => void socket.pipe(socket);
const ask = async (port: number, text: string): Promise<string> => {
  const socket = await connectTo(port);
  socket.end(text);
  return String(await readToEnd(socket));
};

const as = (site: string): string[] => [
  network.edge,
  "--site",
  site,
  "--token-file",
  tokenFile(network.newToken(site)),
];

test("the two command lines that take the place of ssh's", async () => {
  const device = await serve(echo);
  const env = { XDG_STATE_HOME: temporaryFolder() };
  const a = new AgentProcess(["-R", `9000:127.0.0.1:${device}`, ...as("site-a")], env);
  await a.seen("this instance serves the site");
  const port = await freePort();
  const b = new AgentProcess(["-L", `${port}:site-a/9000`, ...as("site-b")], env);
  await b.seen(" connected");
  expect(await ask(port, "through both agents")).toBe("through both agents");
  expect(await Promise.all([a.stop(), b.stop()])).toEqual([0, 0]);
});

test("-N, -v, repeats, a bind address and port 0, as ssh takes them", async () => {
  const [one, two, three] = [
    await serve((socket) => socket.end("one")),
    await serve((socket) => socket.end("two")),
    await serve((socket) => socket.end("three")),
  ];
  const a = startAgent(
    network,
    { site: "site-a" },
    "-N",
    "-v",
    "-R",
    `9000:127.0.0.1:${one}`,
    "-R",
    `0.0.0.0:9001:localhost:${two}`,
    "-R",
    `0:[127.0.0.1]:${three}`,
  );
  await a.seen("this instance serves the site");
  const allocated = portIn(await a.seen("Allocated port"));
  const b = startAgent(
    network,
    { site: "site-b" },
    "-N",
    "-L",
    "0:site-a/9000",
    "-L",
    "localhost:0:site-a/9001",
    "-L",
    `127.0.0.1:0:site-a/${allocated}`,
  );
  await b.seen(" connected");
  const answers = await Promise.all(
    ["9000", "9001", String(allocated)].map(async (service) =>
      String(await readToEnd(await connectTo(await b.port(`site-a/${service}`)))),
    ),
  );
  expect(answers).toEqual(["one", "two", "three"]);
});

test("-f: in the background once connected, and ended by its process id", async () => {
  const device = await serve(echo);
  const state = temporaryFolder();
  const a = startAgent(network, { site: "site-a", state }, "-N", "-f", "-R", `9000:127.0.0.1:${device}`);
  expect(await a.ended).toBe(0);
  const pid = Number(/process (\d+)/.exec(a.output)?.[1]);
  onTestFinished(() => {
    if (isRunning(pid)) process.kill(pid, "SIGKILL");
  });
  expect(readFileSync(join(state, "agent.pid"), "utf8")).toBe(`${pid}\n`);
  expect(readFileSync(join(state, "agent.log"), "utf8")).toContain("this instance serves the site");
  const b = startAgent(network, { site: "site-b" }, "-L", "0:site-a/9000");
  await b.seen(" connected");
  const port = await b.port("site-a/9000");
  expect(await ask(port, "x")).toBe("x");
  process.kill(pid, "SIGTERM");
  await eventually(
    () => Promise.resolve(isRunning(pid)),
    (runs) => !runs,
    10_000,
  );
  expect(existsSync(join(state, "agent.pid"))).toBe(false);
});

test("half-close, both ways", async () => {
  const asked = await serve((socket) => void readToEnd(socket).then((all) => socket.end(`${all.length} bytes`)));
  const { a, b, port } = await twoSites(network, asked);
  const client = await connectTo(port);
  client.end(Buffer.alloc(300_000));
  expect(String(await readToEnd(client))).toBe("300000 bytes");
  await Promise.all([a.stop(), b.stop()]);

  const late = Promise.withResolvers<Buffer>();
  const speaks = await serve((socket) => {
    socket.end("first");
    late.resolve(readToEnd(socket));
  });
  const other = await connectTo((await twoSites(network, speaks)).port);
  expect(String(await readToEnd(other))).toBe("first");
  other.end("and last");
  expect(String(await late.promise)).toBe("and last");
});

const WAVE = 200;
const STREAMS = 1000;

test("1,000 streams at once, each with its own bytes", async () => {
  const open = new Set<net.Socket>();
  const { port } = await twoSites(
    network,
    await serve((socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      echo(socket);
    }),
  );
  const clients: { readonly socket: net.Socket; readonly bytes: Buffer }[] = [];
  while (clients.length < STREAMS) {
    const wave = Array.from({ length: WAVE }, async () => {
      const socket = await connectTo(port);
      const bytes = randomBytes(20_000);
      socket.write(bytes.subarray(0, 1));
      const [first] = (await once(socket, "data")) as [Buffer];
      expect(first.equals(bytes.subarray(0, 1))).toBe(true);
      socket.pause();
      return { socket, bytes };
    });
    clients.push(...(await Promise.all(wave)));
  }
  expect(open.size).toBe(STREAMS);
  const right = clients.map(async ({ socket, bytes }) => {
    socket.end(bytes.subarray(1));
    return (await readToEnd(socket)).equals(bytes.subarray(1));
  });
  expect((await Promise.all(right)).filter(Boolean).length).toBe(STREAMS);
});

const CHUNK = randomBytes(256 * 1024);

/** Writes so much as `socket` takes, no two chunks alike. @returns SHA-256 of what was written */
async function flood(socket: net.Socket, totalBytes: number, onBytes?: (bytes: number) => void): Promise<string> {
  const hash = createHash("sha256");
  for (let sent = 0; sent < totalBytes; sent += CHUNK.length) {
    const chunk = Buffer.from(CHUNK);
    chunk.writeDoubleBE(sent, 0);
    hash.update(chunk);
    onBytes?.(chunk.length);
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  socket.end();
  return hash.digest("hex");
}

async function drink(socket: net.Socket): Promise<{ readonly bytes: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex") };
}

const IS_LONG = process.env["QKD_TEST_LONG"] !== undefined;
const MUCH_BYTES = (IS_LONG ? 1024 : 256) * 1024 ** 2;

test(`${IS_LONG ? "1 GB" : "a quarter of a GB"} arrives as it was sent`, { timeout: 300_000 }, async () => {
  const sent = Promise.withResolvers<string>();
  const { port } = await twoSites(network, await serve((socket) => sent.resolve(flood(socket, MUCH_BYTES))));
  const socket = await connectTo(port);
  socket.end();
  expect(await drink(socket)).toEqual({ bytes: MUCH_BYTES, sha256: await sent.promise });
});

const SLOW_BYTES = 64 * 1024 * 1024;

test("who reads slowly holds up its own sender, and nobody beside it", async () => {
  let written = 0;
  const sent = Promise.withResolvers<string>();
  const servers = [(socket: net.Socket) => sent.resolve(flood(socket, SLOW_BYTES, (bytes) => (written += bytes)))];
  const { port } = await twoSites(network, await serve((socket) => (servers.pop() ?? echo)(socket)));
  const slow = await connectTo(port);
  slow.pause();
  slow.end();
  const fast = Array.from({ length: 4 }, async (_, index) => {
    const socket = await connectTo(port);
    const bytes = randomBytes(4_000_000 + index);
    socket.end(bytes);
    return (await readToEnd(socket)).equals(bytes);
  });
  expect(await Promise.all(fast)).toEqual([true, true, true, true]);
  // What lies between the two ends is bounded by windows and socket buffers, far below all of it.
  expect(written).toBeLessThan(SLOW_BYTES / 2);
  expect(await drink(slow)).toEqual({ bytes: SLOW_BYTES, sha256: await sent.promise });
});
