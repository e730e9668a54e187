/** Who is not let in, or not let through; each with its reason where somebody will look for it: in the agent's log. */
import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { REFUSALS } from "../../shared/tunnel/messages.ts";
import { brokenOff, connectTo, serve, temporaryFolder } from "../support/tunnel-agent.ts";
import { startAgent, tunnelNetwork, type TunnelNetwork, twoSites } from "../support/tunnel-net.ts";
import { WireTap } from "../support/tunnel-wire.ts";

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
  expect(line).toContain("the token is not that of an agent of site-a (403");
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
    fromAgent: (text) => (text.includes('"hello"') ? (recorded ??= text) : text),
  });
  const state = temporaryFolder();
  const as = { site: "site-c", url: tap.url, state };
  const first = startAgent(network, as, "-R", "9000:127.0.0.1:1");
  await first.seen("this instance serves the site");
  await first.stop();
  const again = startAgent(network, as, "-R", "9000:127.0.0.1:1");
  const line = await again.seen("cannot connect");
  expect(line).toContain(REFUSALS["bad-signature"]);
  expect(recorded).not.toBeNull();
  const { alarms, connected } = await siteAs("operator", "site-c");
  expect(connected).toBe(false);
  expect(alarms.map(({ code }) => code)).toEqual(["bad-signature"]);
});

test("a hello for another address: somebody in the middle who passes for the edge", async () => {
  const tap = await WireTap.start(network.edge, { host: new URL(network.edge).host });
  const agent = startAgent(network, { site: "site-c", url: tap.url }, "-R", "9000:127.0.0.1:1");
  expect(await agent.seen("cannot connect")).toContain("(bad-signature)");
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
