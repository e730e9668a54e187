/**
 * The gateway: site A's device behind a firewall has an address at the edge, for TCP clients that know nothing of all
 * this. What `ssh -R` did for a SiteAgent in the cloud.
 */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { freePort } from "../../scripts/start/ports.ts";
import { tunnelPath } from "../../shared/tunnel/paths.ts";
import { grpcDevice, GrpcCaller } from "../support/grpc-device.ts";
import { eventually } from "../support/operator.ts";
import { spawnStart } from "../support/run-network.ts";
import { brokenOff, connectTo, readToEnd, serve, temporaryFolder } from "../support/tunnel-agent.ts";
import { reversed, startAgent, tunnelNetwork, type TunnelNetwork } from "../support/tunnel-net.ts";

let network: TunnelNetwork;
let ports: readonly [number, number];
beforeAll(async () => {
  ports = [await freePort(), await freePort()];
  network = await tunnelNetwork({ args: ["--gateway-ports", ports.join(",")] });
});
afterAll(() => network.stop());

/** Site A's agent, with a device at a port of the gateway's. */
async function exposed(device: number, { site = "site-a", port = ports[0], allow = ["@gateway"] } = {}) {
  const allowed = allow.flatMap((who) => ["--allow", who]);
  const agent = startAgent(network, { site }, "-R", `${port}:127.0.0.1:${device}`, ...allowed);
  await agent.seen("this instance serves the site");
  return agent;
}

/** The list that the gateway works from may be a second old; the rest is patience with a busy machine. */
const LISTED_MS = 30_000;
const answerOf = async (port: number, question: Buffer): Promise<Buffer | null> => {
  const socket = await connectTo(port);
  socket.end(question);
  return await readToEnd(socket).catch(() => null);
};
/** As soon as the gateway knows of it. */
const answered = async (port: number, question: Buffer): Promise<Buffer> =>
  (await eventually(
    () => answerOf(port, question),
    (answer) => answer !== null,
    LISTED_MS,
  )) ?? Buffer.alloc(0);

/** Once the gateway has listed the sites again; until then the hub refuses. */
async function refusedWith(port: number, words: string): Promise<void> {
  await eventually(
    async () => `${await brokenOff(port)} ${network.output()}`,
    (seen) => seen.startsWith("ECONNRESET") && seen.includes(words),
    LISTED_MS,
  );
}

interface Listed {
  readonly services: readonly { readonly service: string; readonly gateway: string | null }[];
}

test("a TCP client reaches the device at the edge's address, which the API tells", async () => {
  const device = await serve((socket) => void readToEnd(socket).then((all) => socket.end(reversed(all))));
  const agent = await exposed(device);
  const { services } = (await (await network.fetch("/api/v1/sites/site-a", "operator")).json()) as Listed;
  const address = services[0]?.gateway ?? "";
  expect(address).toBe(`127.0.0.1:${ports[0]}`);
  const question = randomBytes(2_000_000);
  const port = Number(address.split(":")[1]);
  expect((await answered(port, question)).equals(reversed(question))).toBe(true);
  // And so do 50 at once.
  const answers = await Promise.all(Array.from({ length: 50 }, () => answerOf(port, Buffer.from("abc"))));
  expect(answers.map(String)).toEqual(Array.from({ length: 50 }, () => "cba"));
  // The agent started again: the address is the same, and so is the client's way.
  await agent.kill();
  await exposed(device);
  expect(String(await answered(port, Buffer.from("abc")))).toBe("cba");
});

test("gRPC without an agent at the caller's side", async () => {
  const device = await grpcDevice({ ask: ({ request }, answer) => answer(null, request), talk: (call) => call.end() });
  await exposed(device);
  await answered(ports[0], Buffer.alloc(0));
  expect(String(await new GrpcCaller(ports[0]).ask(Buffer.from("by name of the edge")))).toBe("by name of the edge");
});

test("denied is what does not name the gateway, and the log says why", async () => {
  let dialled = 0;
  const device = await serve(() => dialled++);
  await exposed(device, { allow: ["site-b", "@edge", "@linked"] });
  const { services } = (await (await network.fetch("/api/v1/sites/site-a", "operator")).json()) as Listed;
  expect(services).toMatchObject([{ service: String(ports[0]), gateway: null }]);
  await refusedWith(ports[0], `no site exposes a service for port ${ports[0]} to @gateway`);
  expect(dialled).toBe(0);
});

test("two sites that want one port get none, and the log names both", async () => {
  let dialled = 0;
  const device = await serve(() => dialled++);
  await exposed(device, { port: ports[1] });
  await exposed(device, { site: "site-b", port: ports[1] });
  await refusedWith(ports[1], `more than one wants port ${ports[1]}: site-a/${ports[1]}, site-b/${ports[1]}`);
  expect(dialled).toBe(0);
});

test("nobody passes for the gateway at the edge's own port", async () => {
  const socket = new WebSocket(`${network.edge.replace("http", "ws")}${tunnelPath("site-a")}`, {
    headers: { "X-Cf-Blob": JSON.stringify({ qkd: { gateway: true } }), "QKD-Tunnel-Gateway": "1" },
  });
  const [error] = (await once(socket, "error")) as [Error];
  // It is asked for a hello, like everybody.
  expect(error.message).toContain("400");
});

test.each([
  [["--gateway-ports", "9000,x"], '--gateway-ports takes ports, 1 to 65535, as in 9000,9001, not "9000,x"'],
  [["--gateway-bind", "0.0.0.0"], "--gateway-bind says where, but not which: give --gateway-ports"],
  [["--gateway-ports", "1", "--gateway-bind", "edge.example"], "--gateway-bind takes an address of this machine"],
])("npm start -- %j ends with a line", async (args, line) => {
  const started = spawnStart(["--state", temporaryFolder(), "--random-ports", ...args]);
  expect(await started.ended).toBe(1);
  expect(started.output()).toContain(line);
});
