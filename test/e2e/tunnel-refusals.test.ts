/** Who is not let in, or not let through; each with its reason where somebody will look for it: in the agent's log. */
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { HELLO_HEADER, REFUSALS } from "../../shared/tunnel/messages.ts";
import { noncesPath, tunnelPath } from "../../shared/tunnel/paths.ts";
import { brokenOff, connectTo, serve, temporaryFolder } from "../support/tunnel-agent.ts";
import { startAgent, tunnelNetwork, type TunnelNetwork, twoSites } from "../support/tunnel-net.ts";
import { Balancer, WireTap } from "../support/tunnel-wire.ts";

/** More than the sockets that a hub once bore of those who had not said who they are. */
const STRANGERS = 300;

let network: TunnelNetwork;
beforeAll(async () => {
  network = await tunnelNetwork();
});
afterAll(() => network.stop());

/** The line of an agent of site A that is refused whatever it tries. */
async function refusedWith(token: string, site = "site-a"): Promise<string> {
  const agent = startAgent(network, { site, token }, "-R", "9000:127.0.0.1:1");
  const line = await agent.seen("cannot connect");
  expect(line).toContain("retryAfterS=60");
  expect(agent.output).not.toContain(token);
  await agent.stop();
  return line;
}

interface SiteBody {
  readonly connected: boolean;
  readonly alarms: readonly { readonly code: string; readonly subject: string; readonly detail: string }[];
  readonly agents: readonly { readonly agent: string; readonly state: string }[];
}
const siteAs = async (name: string, site: string): Promise<SiteBody> =>
  (await (await network.fetch(`/api/v1/sites/${site}`, name)).json()) as SiteBody;

test("a wrong token, and one whose time is over", async () => {
  const unknown = "the edge does not know the token: it is wrong, or expired (401";
  expect(await refusedWith("not-a-token-of-anybody-in-this-network-at-all")).toContain(unknown);
  expect(await refusedWith(network.expiredToken("site-a"))).toContain(unknown);
});

test("someone else's site", async () => {
  const line = await refusedWith(network.newToken("site-b"), "site-a");
  expect(line).toContain("the token is not one that enrols an agent of site-a (403");
  expect(await refusedWith(network.newToken("site-b"), "site-x")).toContain("the edge knows no site site-x");
});

test("a token that has enrolled another installation", async () => {
  const token = network.newToken("site-a");
  const first = startAgent(network, { site: "site-a", token }, "-R", "9000:127.0.0.1:1");
  await first.seen("this instance serves the site");
  await first.stop();
  expect(await refusedWith(token)).toContain("the token has been used: it enrols one agent, once (409");
});

test("a hello that somebody recorded, played again", async () => {
  let recorded: string | null = null;
  const tap = await WireTap.start(network.edge, {
    port: network.proxyPort,
    hello: (text) => (recorded ??= text),
  });
  const state = temporaryFolder();
  const as = { site: "site-c", url: tap.url, state };
  const first = startAgent(network, as, "-R", "9000:127.0.0.1:1");
  await first.seen("this instance serves the site");
  await first.stop();
  const again = startAgent(network, as, "-R", "9000:127.0.0.1:1");
  const line = await again.seen("cannot connect");
  expect(line).toContain(`${REFUSALS.stale} (stale)`);
  expect(recorded).not.toBeNull();
  expect((await siteAs("operator", "site-c")).connected).toBe(false);
});

test("a hello for another address: somebody in the middle who passes for the edge", async () => {
  const tap = await WireTap.start(network.edge, { host: new URL(network.edge).host });
  const agent = startAgent(network, { site: "site-c", url: tap.url }, "-R", "9000:127.0.0.1:1");
  expect(await agent.seen("cannot connect")).toContain("(bad-signature)");
  const { alarms } = await siteAs("operator", "site-c");
  expect(alarms.map(({ code }) => code)).toEqual(["bad-signature"]);
});

test("the same, passed on by the name that the agent dialled: the edge is not that", async () => {
  const tap = await WireTap.start(network.edge);
  const deceived = startAgent(network, { site: "site-c", url: tap.url }, "-R", "9000:127.0.0.1:1");
  await deceived.seen("cannot connect");
  // It was asked nothing that it could have signed.
  expect(tap.hellos).toEqual([]);
  const balancer = await Balancer.start(network.edge, 0);
  const told = startAgent(network, { site: "site-c", url: balancer.url }, "-R", "9000:127.0.0.1:1");
  expect(await told.seen("cannot connect")).toContain("does not know itself by this address (421)");
  const path = "/api/v1/sites/site-c/tunnel";
  const upgrade = { Upgrade: "websocket", Connection: "Upgrade", Host: "evil.example" };
  const [answer] = (await once(http.get(network.edge + path, { headers: upgrade }), "response")) as [IncomingMessage];
  expect(answer.statusCode).toBe(421);
  expect(await json(answer)).toEqual({ message: expect.stringMatching(/^header Host: .*--public-host/) });
});

/** Asks for a WebSocket as no agent does, and never closes its end. @returns status line and headers, and the socket */
async function stubborn(site: string, hello: string): Promise<{ readonly head: string; readonly socket: Socket }> {
  const { host, hostname, port } = new URL(network.edge);
  const socket = connect(Number(port), hostname);
  const upgrade = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"];
  const more = [`Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`, ...(hello === "" ? [] : [hello])];
  const lines = [`GET ${tunnelPath(site)} HTTP/1.1`, `Host: ${host}`, ...upgrade, ...more, "", ""];
  socket.write(lines.join("\r\n"));
  let heard = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    heard += chunk.toString("latin1");
    if (heard.includes("\r\n\r\n")) break;
  }
  return { head: heard.split("\r\n\r\n")[0] ?? "", socket };
}

test("strangers get no socket, however many they are, and keep nobody out", async () => {
  const forged = {
    claims: { version: 1, agent: "agent-tn-4", site: "site-d", instance: randomUUID(), role: "owner", standby: false },
    signatures: { ed25519: toBase64(new Uint8Array(64)), mlDsa65: toBase64(new Uint8Array(3309)) },
  };
  const sockets: Socket[] = [];
  for (let n = 0; n < STRANGERS; n++) {
    const answer = await fetch(network.edge + noncesPath("site-d"), { method: "POST" });
    const { nonce } = (await answer.json()) as { nonce: string };
    const hello = n % 2 === 0 ? "" : `${HELLO_HEADER}: ${JSON.stringify({ ...forged, nonce })}`;
    const { head, socket } = await stubborn("site-d", hello);
    expect(head).toContain(n % 2 === 0 ? "HTTP/1.1 400" : "HTTP/1.1 401");
    sockets.push(socket);
  }
  const owner = startAgent(network, { site: "site-d" }, "-R", "9000:127.0.0.1:1");
  await owner.seen("this instance serves the site");
  for (const socket of sockets) socket.destroy();
});

test("a second instance: refused, with an alarm that says which", async () => {
  const first = startAgent(network, { site: "site-a" }, "-R", "9000:127.0.0.1:1");
  await first.seen("this instance serves the site");
  const second = startAgent(network, { site: "site-a" }, "-R", "9000:127.0.0.1:1");
  const line = await second.seen("cannot connect");
  expect(line).toContain(`${REFUSALS["other-instance"]} (other-instance)`);
  expect(line).toContain("retryAfterS=60");
  const { alarms, agents } = await siteAs("operator", "site-a");
  expect(alarms).toMatchObject([
    { code: "other-instance", subject: expect.stringMatching(/^agent-tn-1\/[0-9a-f-]{36}$/) },
  ]);
  expect(agents.filter(({ state }) => state === "active").length).toBe(1);
  expect(first.output).not.toContain("disconnected");
});

test("a site that the service is not for, and a service that is not there", async () => {
  let dialled = 0;
  const device = await serve((socket) => {
    dialled++;
    socket.resume();
  });
  const a = startAgent(network, { site: "site-a" }, "-R", `9000:127.0.0.1:${device}`);
  await a.seen("this instance serves the site");
  // site-c has no link with site-a.
  const c = startAgent(network, { site: "site-c" }, "-L", "0:site-a/9000", "-L", "0:site-a/9001");
  await c.seen(" connected");
  expect(await brokenOff(await c.port("site-a/9000"))).toBe("ECONNRESET");
  expect(await c.seen("service=9000 reason=")).toContain("the service is not for this caller");
  expect(await brokenOff(await c.port("site-a/9001"))).toBe("ECONNRESET");
  expect(await c.seen("service=9001 reason=")).toContain("no such service here");
  expect(dialled).toBe(0);
});

/** What is promised of open connections, and for processes of a busy machine to get their turn. */
const PROMISE_MS = 1000;
const SCHEDULING_MS = 500;

test("a revoked agent: closed within a second with what it had open, and out for good", async () => {
  const device = await serve((socket) => void socket.pipe(socket));
  const { a, b, port } = await twoSites(network, device);
  const client = await connectTo(port);
  client.write("x");
  await once(client, "data");
  const broken = once(client, "error");
  const body = JSON.stringify({ kind: "principal", value: "agent:agent-tn-2" });
  const answer = await network.fetch("/api/v1/revocations", "operator", { method: "POST", body });
  expect(answer.status).toBe(201);
  const sinceMs = performance.now();
  await broken;
  expect(performance.now() - sinceMs).toBeLessThan(PROMISE_MS + SCHEDULING_MS);
  expect(await b.seen("disconnected")).toContain(`${REFUSALS.revoked} (revoked)`);
  expect(a.output).not.toContain("disconnected");
  const enrolling = startAgent(network, { site: "site-b" }, "-R", "9000:127.0.0.1:1");
  // Workers may not have heard for another second; the hub has.
  expect(await enrolling.seen("cannot connect")).toMatch(/\(401\b|\(revoked\)/);
});
