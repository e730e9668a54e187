/** What ends in the middle of things, and how it goes on: the edge, an agent, and one that waited for its place. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";
import { brokenOff, connectTo, readToEnd, serve, temporaryFolder } from "../support/tunnel-agent.ts";
import { behindProxy, startAgent, tunnelNetwork, type TunnelNetwork, twoSites } from "../support/tunnel-net.ts";
import { Balancer } from "../support/tunnel-wire.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

let network: TunnelNetwork;
/** The one that runs on the same state after `network` was killed. */
let second: RunningNetwork | undefined;
beforeAll(async () => {
  network = await tunnelNetwork();
});
afterAll(async () => {
  await second?.stop({ keep: true });
  await network.stop();
});

const echo = (socket: Socket): void => void socket.pipe(socket);

async function held(port: number): Promise<Socket> {
  const socket = await connectTo(port);
  socket.write("x");
  await once(socket, "data");
  return socket;
}

const codeOf = async (broken: Promise<unknown[]>): Promise<string | undefined> =>
  ((await broken)[0] as NodeJS.ErrnoException).code;

/** Sends bytes of its own and reads them back. Rejects where the connection breaks. */
async function exchange(port: number, sizeBytes: number): Promise<void> {
  const socket = await connectTo(port);
  const bytes = randomBytes(sizeBytes);
  socket.end(bytes);
  if (!(await readToEnd(socket)).equals(bytes)) throw new Error("other bytes came back");
}

/** As a container's health check asks. */
function health(state: string): readonly [number | null, string] {
  const args = [
    "tunnel/main.ts",
    "health",
    network.edge,
    "--site",
    "site-a",
    "--state",
    state,
    "-R",
    "9000:127.0.0.1:1",
  ];
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: PROJECT, encoding: "utf8" });
  return [status, stdout];
}

test("an agent killed and started again: what was open ends with an error, what is new works", async () => {
  const device = await serve(echo);
  const { a, b, port } = await twoSites(network, device);
  const state = temporaryFolder();
  await a.stop();
  const killed = startAgent(network, { site: "site-a", state }, "-R", `9000:127.0.0.1:${device}`);
  await killed.seen("this instance serves the site");
  const open = await held(port);
  const broken = once(open, "error");
  expect(health(state)).toEqual([0, "connected: 1 of 1 links\n"]);
  await killed.kill();
  expect(health(state)).toEqual([1, "no agent runs on this state folder\n"]);
  expect(await codeOf(broken)).toBe("ECONNRESET");
  expect(await brokenOff(port)).toBe("ECONNRESET");
  expect(await b.seen("connection refused")).toContain("the other end left the hub");
  // The token is used: it comes back by its keys.
  const again = startAgent(
    network,
    { site: "site-a", state, token: "of-no-use-any-more" },
    "-R",
    `9000:127.0.0.1:${device}`,
  );
  await again.seen("this instance serves the site");
  await exchange(port, 100_000);
  expect(b.output).not.toContain("disconnected");
});

test("one in standby takes the place of the one that dies", async () => {
  const [one, two] = [await serve((socket) => socket.end("one")), await serve((socket) => socket.end("two"))];
  const { a, port } = await twoSites(network, one);
  const standby = startAgent(network, { site: "site-a" }, "--standby", "-R", `9000:127.0.0.1:${two}`);
  await standby.seen("connected, in standby");
  expect(String(await readToEnd(await connectTo(port)))).toBe("one");
  expect(standby.output).not.toContain("serves the site");
  await a.kill();
  await standby.seen("this instance serves the site");
  expect(String(await readToEnd(await connectTo(port)))).toBe("two");
});

/** Keeps exchanging until told to stop; what breaks begins anew. */
function load(port: number, workers: number) {
  const counts = { done: 0, broken: 0 };
  const stopped = new AbortController();
  const work = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        await exchange(port, 300_000);
        counts.done++;
      } catch (thrown) {
        if (!["ECONNRESET", "EPIPE"].includes((thrown as NodeJS.ErrnoException).code ?? "")) throw thrown;
        counts.broken++;
      }
    }
  };
  const running = Promise.all(Array.from({ length: workers }, work));
  return {
    counts,
    stop: async (): Promise<void> => {
      stopped.abort();
      await running;
    },
  };
}

/** From the edge's being there again. */
const RECOVERY_MS = 5000;

test("the edge killed under load and started again: agents are back in less than five seconds", async () => {
  const balancer = await Balancer.start(network.edge, network.proxyPort);
  const device = await serve(echo);
  const { a, b, port } = await twoSites(network, device, { url: balancer.url, listening: ["--wait", "60"] });
  const open = await held(port);
  const busy = load(port, 8);
  await exchange(port, 1_000_000);
  const broken = once(open, "error");
  balancer.target = null;
  process.kill(network.pids.engine, "SIGKILL");
  expect(await codeOf(broken)).toBe("ECONNRESET");
  await network.stop({ keep: true });
  const { lines: linesOfA } = a;
  const { lines: linesOfB } = b;
  const { done } = busy.counts;
  const args = ["--prefill", "0", ...behindProxy(network.proxyPort)];
  second = await runNetwork({ state: network.state, args });
  balancer.target = second.edge;
  const sinceMs = performance.now();
  await Promise.all([a.seen(" connected", linesOfA), b.seen(" connected", linesOfB)]);
  await exchange(port, 1_000_000);
  expect(performance.now() - sinceMs).toBeLessThan(RECOVERY_MS);
  await busy.stop();
  expect(busy.counts.done).toBeGreaterThan(done);
  expect(busy.counts.broken).toBeGreaterThan(0);
  expect([a.process.exitCode, b.process.exitCode]).toEqual([null, null]);
});
