import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { tunnelPath } from "../../shared/tunnel/paths.ts";
import { call, EDGE } from "../../test/support/in-workerd-network.ts";
import {
  closeSessions,
  freshSites,
  hubStub,
  putSites,
  service,
  spoilt,
  TestAgent,
  TestSession,
} from "../../test/support/in-workerd-tunnel.ts";
import { addressOf } from "../../shared/tunnel/hello.ts";
import type { Hello } from "../../shared/tunnel/messages.ts";

beforeAll(async () => await putSites());
afterAll(async () => await closeSessions());

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
    ["added services", (h) => ({ ...h, claims: { ...h.claims, services: [service("x", ["@linked"])] } })],
  ])("is refused with %s, which is an alarm", async (_, bend) => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const session = await agent.connect({ bend });
    expect(session.refusal).toBe("bad-signature");
    expect((await session.closed).code).toBe(4001);
    const { alarms, agents } = await hubStub(a).status();
    expect(alarms).toMatchObject([{ code: "bad-signature", subject: `agent-${a}/${agent.instance}`, count: 1 }]);
    expect(agents).toMatchObject([{ instance: agent.instance, state: "absent" }]);
  });

  it("counts for one socket only: replayed on another, it is refused", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const first = await TestSession.open(a);
    const hello = await agent.sign(await first.challenge(), ADDRESS(a), agent.claims());
    first.say(hello);
    await first.until(({ type }) => type === "welcome");
    const replay = await TestSession.open(a);
    await replay.challenge();
    replay.say(hello);
    await replay.until(({ type }) => type === "refused");
    expect(replay.refusal).toBe("bad-signature");
    expect((await hubStub(a).status()).agents).toMatchObject([{ state: "active" }]);
    first.say(hello);
    expect((await first.closed).code).toBe(4001);
  });

  it("counts once on its own socket too", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const session = await TestSession.open(a);
    const hello = await agent.sign(await session.challenge(), ADDRESS(a), agent.claims());
    session.say(hello);
    session.say(hello);
    expect((await session.closed).code).toBe(4001);
    expect(session.refusal).toBe("bad-message");
    expect((await hubStub(a).status()).agents).toMatchObject([{ state: "absent" }]);
  });

  it("for another address, or another hub's, is refused", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    for (const address of [ADDRESS(b), ADDRESS(a).replace("edge.test", "edge.evil")]) {
      const session = await agent.connect({ address });
      expect(session.refusal).toBe("bad-signature");
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
    expect((await agent.connect(claims({ a, b }))).refusal).toBe(code);
  });

  it.each(["", "{", "[]", '{"type":"hello"}', "x".repeat(LIMITS.tunnelTextChars + 1)])(
    "that is none (%#) is refused",
    async (text) => {
      const { a } = freshSites();
      const session = await TestSession.open(a);
      await session.challenge();
      session.say(text);
      expect((await session.closed).code).toBe(4001);
      expect(session.refusal).toBe("bad-message");
    },
  );

  it("comes before any frame", async () => {
    const { a } = freshSites();
    const session = await TestSession.open(a);
    await session.challenge();
    session.socket.send(new Uint8Array(8));
    expect((await session.closed).code).toBe(4001);
  });
});

describe("sockets that have not said who they are", () => {
  it("are bounded: the newcomer is sent away, until the oldest has been silent for too long", async () => {
    const { a } = freshSites();
    const sessions = [];
    for (let n = 0; n < LIMITS.tunnelStrangers; n++) sessions.push(await TestSession.open(a));
    await expect(TestSession.open(a)).rejects.toThrow("503");
    await runInDurableObject(hubStub(a), (_, state) => {
      const [oldest] = state.getWebSockets();
      oldest?.serializeAttachment({ ...(oldest.deserializeAttachment() as object), sinceMs: 0 });
    });
    await evictDurableObject(hubStub(a));
    const agent = await TestAgent.enrolled(a);
    expect((await agent.connect()).refusal).toBeNull();
    const isOpen = sessions.map(({ socket }) => socket.readyState === WebSocket.OPEN);
    expect(isOpen.filter((open) => !open)).toHaveLength(1);
    expect(sessions.find(({ refusal }) => refusal !== null)?.refusal).toBe("too-many");
  });

  it("are closed when their time is over, by the alarm, though the hub slept", async () => {
    const { a } = freshSites();
    const session = await TestSession.open(a);
    await session.challenge();
    await runInDurableObject(hubStub(a), (_, state) => {
      for (const socket of state.getWebSockets()) {
        socket.serializeAttachment({ ...(socket.deserializeAttachment() as object), sinceMs: 0 });
      }
    });
    await evictDurableObject(hubStub(a));
    expect(await runDurableObjectAlarm(hubStub(a))).toBe(true);
    await session.closed;
    expect(session.refusal).toBe("too-slow");
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
    expect((await agent.enrol(`agent-${b}`)).status).toBe(403);
    expect((await agent.enrol(`agent-${a}-narrow`)).status).toBe(403);
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
    expect((await agent.connect()).refusal).toBe("bad-signature");
  });
});
