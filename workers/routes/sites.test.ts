import { SELF } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { call, EDGE, errorOf } from "../../test/support/in-workerd-network.ts";
import { echo, freshSites, refusalOf, service, TestAgent, useSites } from "../../test/support/in-workerd-tunnel.ts";

useSites();

interface SiteBody {
  readonly site: string;
  readonly services: readonly { readonly service: string }[];
}

describe("sites", () => {
  it("are told in full to operators and their own agents, to others what they may open", async () => {
    const { a, b, c } = freshSites();
    const agent = await TestAgent.enrolled(a);
    await agent.connect({
      services: [service("kme", ["@linked", "@edge"], { port: 9000 }), service("secret", ["@linked"], { tls: true })],
      onOpen: echo,
    });
    const peer = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    const kme = {
      service: "kme",
      address: `${a}/kme`,
      tls: false,
      port: 9000,
      gateway: null,
      path: `/api/v1/sites/${a}/services/kme/`,
    };
    const secret = { service: "secret", address: `${a}/secret`, tls: true, port: null, gateway: null, path: null };
    for (const as of ["op", `agent-${a}`]) {
      const response = await call(`/api/v1/sites/${a}`, { as });
      expect(await response.json()).toMatchObject({
        site: a,
        connected: true,
        services: [
          { ...kme, allow: ["@linked", "@edge"] },
          { ...secret, allow: ["@linked"] },
        ],
        agents: [{ agent: `agent-${a}`, instance: agent.instance, state: "active" }],
        peers: [{ slot: 1, site: b, agent: `agent-${b}` }],
        gauges: { connects: 2, culprits_closed: 0 },
        alarms: [],
      });
    }
    const seenByPeer = await call(`/api/v1/sites/${a}`, { headers: bearer(await ownAccess(b)) });
    expect(await seenByPeer.json()).toEqual({ site: a, connected: true, services: [kme, secret] });
    expect((await call(`/api/v1/sites/${a}`, { as: `agent-${c}` })).status).toBe(404);
    expect((await call("/api/v1/sites/nowhere", { as: "op" })).status).toBe(404);
    expect((await call(`/api/v1/sites/${a}`)).status).toBe(401);
    peer.socket.close(1000);
  });

  it("are listed by pages", async () => {
    const { a, b } = freshSites();
    await (await TestAgent.enrolled(a)).connect({ services: [service("kme", ["@linked"])] });
    const names: string[] = [];
    for (let next: string | null = ""; next !== null;) {
      const page: { sites: SiteBody[]; next: string | null } = await (
        await call(`/api/v1/sites?limit=50&after=${next}`, { as: "op" })
      ).json();
      names.push(...page.sites.map(({ site }) => site));
      ({ next } = page);
    }
    expect(names).toHaveLength(120);
    expect(names).toEqual([...names].sort());
    const mine = await call("/api/v1/sites", { as: `agent-${b}` });
    const { sites } = await mine.json<{ sites: SiteBody[] }>();
    expect(sites.map(({ site, services }) => [site, services.length])).toContainEqual([a, 1]);
    expect(sites.every(({ site }) => site === a || site === b)).toBe(true);
    expect((await call("/api/v1/sites?limit=0", { as: "op" })).status).toBe(400);
  });

  it("have alarms of their own codes only", async () => {
    const { a } = freshSites();
    const cleared = await call(`/api/v1/sites/${a}/alarms/too-much`, { as: "op", method: "DELETE" });
    expect(await cleared.json()).toEqual({ cleared: 0 });
    expect((await call(`/api/v1/sites/${a}/alarms/nonsense`, { as: "op", method: "DELETE" })).status).toBe(404);
    expect((await call(`/api/v1/sites/${a}/alarms/too-much`, { as: `agent-${a}`, method: "DELETE" })).status).toBe(403);
  });
});

describe("the tunnel's door", () => {
  it("is a WebSocket's: 426 for others, 404 where there is no such site", async () => {
    const { a } = freshSites();
    expect((await call(`/api/v1/sites/${a}/tunnel`)).status).toBe(426);
    const nowhere = await SELF.fetch(`${EDGE}/api/v1/sites/nowhere/tunnel`, { headers: { Upgrade: "websocket" } });
    expect([nowhere.status, (await errorOf(nowhere)).message]).toEqual([404, "no such site"]);
    const nonce = await call("/api/v1/sites/nowhere/tunnel/nonces", { method: "POST" });
    expect([nonce.status, (await errorOf(nonce)).message]).toEqual([404, "no such site"]);
  });

  it("does not let a client pass for the edge", async () => {
    const { a } = freshSites();
    await (await TestAgent.enrolled(a)).connect({ services: [service("kme", ["@edge"])] });
    const headers = { Upgrade: "websocket", "QKD-Tunnel-Call": '{"service":"kme","site":null}' };
    const response = await SELF.fetch(`${EDGE}/api/v1/sites/${a}/tunnel`, { headers });
    // The hub has looked for a hello.
    expect([response.status, await refusalOf(response)]).toEqual([400, "bad-message"]);
  });
});

describe("enrolment", () => {
  it.each([
    ["{}", "instance"],
    ['{"instance":"x","keys":{}}', "instance"],
    [`{"instance":"${crypto.randomUUID()}","keys":{"ed25519":"AAAA","mlDsa65":"AAAA"}}`, "ed25519"],
    ["no JSON", "JSON"],
  ])("refuses a body like %s", async (body, word) => {
    const { a } = freshSites();
    const response = await call(`/api/v1/sites/${a}/agents`, { as: `agent-${a}-first`, method: "POST", body });
    expect(response.status).toBe(400);
    expect((await errorOf(response)).message).toContain(word);
  });
});

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });

/** Of a site's agent, as it comes with its own tunnel. */
async function ownAccess(site: string): Promise<string> {
  const agent = await TestAgent.enrolled(site, `agent-${site}-next`);
  return (await agent.connect()).accessToken;
}
