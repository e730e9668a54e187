import { evictDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { toBase64 } from "../../shared/bytes/base64.ts";
import { LIMITS } from "../../shared/limits.ts";
import { tunnelPath } from "../../shared/tunnel/paths.ts";
import { call, EDGE, errorOf } from "../../test/support/in-workerd-network.ts";
import {
  freshSites,
  hubStub,
  knock,
  nonceOf,
  refusalOf,
  service,
  spoilt,
  TestAgent,
  TestSession,
  useSites,
} from "../../test/support/in-workerd-tunnel.ts";
import { addressOf } from "../../shared/tunnel/hello.ts";
import { HELLO_HEADER, type Hello, REFUSALS } from "../../shared/tunnel/messages.ts";

useSites();

const ADDRESS = (site: string) => addressOf(EDGE + tunnelPath(site));

describe("an agent's hello", () => {
  it("is welcomed with both signatures of the enrolled keys", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const session = await agent.connect({ services: [service("9000", ["b-1"])] });
    expect(session.heard.at(-1)).toMatchObject({ type: "welcome", state: "active" });
    expect(session.accessToken).toMatch(new RegExp(`^qkda\\.${a}\\.[A-Za-z0-9_-]{43}$`));
  });

  it.each<[string, (hello: Hello) => Hello]>([
    ["a wrong Ed25519", (h) => ({ ...h, signatures: { ...h.signatures, ed25519: spoilt(h.signatures.ed25519) } })],
    ["a wrong ML-DSA-65", (h) => ({ ...h, signatures: { ...h.signatures, mlDsa65: spoilt(h.signatures.mlDsa65) } })],
    ["altered claims", (h) => ({ ...h, claims: { ...h.claims, standby: true } })],
  ])("is refused with %s, which is an alarm", async (_, bend) => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    expect(await agent.refused({ bend })).toBe("bad-signature");
    const { alarms, agents } = await hubStub(a).status();
    expect(alarms).toMatchObject([{ code: "bad-signature", subject: `agent-${a}/${agent.instance}`, count: 1 }]);
    expect(agents).toMatchObject([{ instance: agent.instance, state: "absent" }]);
  });

  it("counts once, at the hub that gave the nonce, and soon: replayed, it is refused", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const hello = await agent.hello();
    expect(await refusalOf(await knock(b, hello))).toBe("stale");
    expect(await refusalOf(await knock(a, hello))).toBeNull();
    expect(await refusalOf(await knock(a, hello))).toBe("stale");
    // Nor is there another by the same signatures.
    expect(await refusalOf(await knock(a, { ...hello, nonce: await nonceOf(a) }))).toBe("bad-signature");
    const late = await agent.hello();
    await evictDurableObject(hubStub(a));
    expect(await refusalOf(await knock(a, late))).toBe("stale");
  });

  it("is answered in HTTP's own words", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const answer = await knock(a, { ...(await agent.hello()), nonce: toBase64(new Uint8Array(32)) });
    const { headers } = answer;
    expect([answer.status, headers.get("WWW-Authenticate"), headers.get("Retry-After")]).toEqual([
      401,
      "QKD-Agent",
      "1",
    ]);
    expect(await answer.json()).toEqual({ message: REFUSALS.stale, details: [{ refusal: "stale" }] });
    const statuses = [{ agent: "agent-nobody" }, { version: 2 as never }].map(
      async (claims) => (await knock(a, await agent.hello(claims))).status,
    );
    expect(await Promise.all(statuses)).toEqual([403, 400]);
  });

  it("for another address, or another hub's, is refused", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    for (const address of [ADDRESS(b), ADDRESS(a).replace("edge.test", "edge.evil")]) {
      expect(await agent.refused({ address })).toBe("bad-signature");
    }
  });

  it.each<[string, (sites: { a: string; b: string }) => Parameters<TestAgent["connect"]>[0], string]>([
    ["another site's owner", ({ b }) => ({ at: b, role: "owner" }), "wrong-site"],
    ["of a site that is not its own", ({ b }) => ({ site: b }), "wrong-site"],
    ["of an agent nobody knows", () => ({ agent: "agent-nobody" }), "revoked"],
    ["of an instance nobody knows", () => ({ instance: crypto.randomUUID() }), "not-enrolled"],
    ["of another agent's instance", ({ a }) => ({ agent: `other-${a}` }), "not-enrolled"],
  ])("%s: refused", async (_, claims, code) => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    expect(await agent.refused(claims({ a, b }))).toBe(code);
  });

  it.each(["", "{", "[]", '{"nonce":""}', "x".repeat(LIMITS.tunnelHelloChars + 1)])(
    "that is none (%#) is refused",
    async (text) => {
      const { a } = freshSites();
      expect(await refusalOf(await knock(a, text))).toBe("bad-message");
    },
  );

  it("fits a header that proxies let through, whatever it claims", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.make(a);
    const longest = "x".repeat(64);
    const hello = await agent.hello({ agent: longest, site: longest, at: a });
    expect(HELLO_HEADER.length + ": ".length + JSON.stringify(hello).length).toBeLessThan(6 * 1024);
  });
});

describe("what is said on the socket", () => {
  it.each(["", "{", "[]", '{"type":"hello"}', "x".repeat(LIMITS.tunnelTextChars + 1)])(
    "is lists of services; anything else (%#) ends it",
    async (text) => {
      const { a } = freshSites();
      const session = await (await TestAgent.enrolled(a)).connect();
      session.say(text);
      expect((await session.closed).code).toBe(4001);
      expect(session.refusal).toBe("bad-message");
    },
  );

  it("by a peer is frames only", async () => {
    const { a, b } = freshSites();
    const session = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    session.say({ type: "services", services: [] });
    expect((await session.closed).code).toBe(4001);
  });
});

describe("enrolment", () => {
  it("takes one token for one instance; the very same again is answered as the first", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    expect((await agent.enrol()).status).toBe(201);
    const other = await TestAgent.make(a);
    expect((await other.enrol()).status).toBe(409);
    expect((await other.enrol(`agent-${a}-next`)).status).toBe(201);
    expect((await call(`/api/v1/sites/${a}/agents/${agent.instance}`, { as: "op", method: "DELETE" })).status).toBe(
      200,
    );
    // Nobody comes back by a token that is used.
    expect((await agent.enrol()).status).toBe(409);
  });

  it("is for the token's own site, and its scopes have to say so", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.make(a);
    expect((await agent.enrol(`agent-${b}-first`)).status).toBe(403);
    expect((await agent.enrol(`agent-${a}-narrow`)).status).toBe(403);
    const unlimited = await agent.enrol(`agent-${a}`);
    expect([unlimited.status, (await errorOf(unlimited)).message]).toEqual([
      403,
      "a token enrols whose scopes name agents.enrol; this one has none",
    ]);
    expect((await agent.enrol("op")).status).toBe(403);
    expect((await agent.enrol("nobody")).status).toBe(401);
    expect((await call(`/api/v1/sites/nowhere/agents`, { as: `agent-${a}`, method: "POST", body: "{}" })).status).toBe(
      404,
    );
  });

  it("with new keys ends the sessions of the old ones, at other hubs too", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const [home, abroad] = [await agent.connect(), await agent.connect({ at: b, role: "peer" })];
    const successor = await TestAgent.make(a);
    const enrolment = { ...successor.enrolment, instance: agent.instance };
    const renewed = await call(`/api/v1/sites/${a}/agents`, {
      as: `agent-${a}-next`,
      method: "POST",
      body: JSON.stringify(enrolment),
    });
    expect(renewed.status).toBe(201);
    await home.closed;
    await abroad.closed;
    expect([home.refusal, abroad.refusal]).toEqual(["not-enrolled", "not-enrolled"]);
    expect(await agent.refused()).toBe("bad-signature");
  });
});

describe("an owner that has not told yet what it exposes", () => {
  it("is as one that is not there: peers and HTTP are to try again", async () => {
    const { a, b } = freshSites();
    const [agent, other] = [await TestAgent.enrolled(a), await TestAgent.enrolled(b)];
    const headers = { [HELLO_HEADER]: JSON.stringify(await agent.hello()) };
    const owner = await TestSession.open(a, "owner", undefined, { headers });
    await owner.until(({ type }) => type === "welcome");
    const peer = await other.connect({ at: a, role: "peer" });
    const status = async () => (await call(`/api/v1/sites/${a}/services/kme/x`, { as: "op" })).status;
    expect([await peer.open("kme"), await status()]).toEqual(["peer-gone", 503]);
    owner.say({ type: "services", services: [] });
    await vi.waitUntil(async () => (await status()) === 404);
    expect(await peer.open("kme")).toBe("unknown-service");
  });
});
