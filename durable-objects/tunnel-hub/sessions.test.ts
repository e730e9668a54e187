import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { call } from "../../test/support/in-workerd-network.ts";
import {
  echo,
  freshSites,
  hubStub,
  knock,
  putSites,
  readAll,
  refusalOf,
  service,
  SITES_NETWORK,
  TestAgent,
  useSites,
} from "../../test/support/in-workerd-tunnel.ts";

useSites();

const OPEN_TO_LINKED = [service("kme", ["@linked"])];
const whoami = async (bearer: string) =>
  await call("/api/v1/whoami", { headers: { Authorization: `Bearer ${bearer}` } });

describe("the instance that serves a site", () => {
  it("replaces its own older session, whose peers start afresh", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const older = await agent.connect({ services: OPEN_TO_LINKED, onOpen: echo });
    const peer = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    const stream = await peer.stream("kme");
    const newer = await agent.connect({ services: OPEN_TO_LINKED, onOpen: echo });
    expect((await older.closed).code).toBe(4002);
    expect(await stream.closed).toMatchObject({ kind: "reset", code: "peer-gone" });
    const again = await peer.stream("kme");
    await again.write(Uint8Array.of(1, 2, 3));
    void again.end();
    expect([...(await readAll(again))]).toEqual([1, 2, 3]);
    expect(newer.heard.filter(({ type }) => type === "peer")).toHaveLength(1);
    expect((await hubStub(a).status()).alarms).toEqual([]);
  });

  it("is not displaced by another, which is an alarm that can be cleared", async () => {
    const { a } = freshSites();
    const first = await (await TestAgent.enrolled(a)).connect();
    const second = await TestAgent.enrolled(a, `agent-${a}-next`);
    const refused = await knock(a, await second.hello());
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([409, "60"]);
    expect(await refusalOf(refused)).toBe("other-instance");
    expect(first.socket.readyState).toBe(WebSocket.OPEN);
    expect((await hubStub(a).status()).alarms).toMatchObject([{ code: "other-instance", count: 1 }]);
    const cleared = await call(`/api/v1/sites/${a}/alarms/other-instance`, { as: "op", method: "DELETE" });
    expect(await cleared.json()).toEqual({ cleared: 1 });
    expect((await hubStub(a).status()).alarms).toEqual([]);
  });

  it("has a successor that waits, and takes its place when it goes", async () => {
    const { a, b } = freshSites();
    const first = await (await TestAgent.enrolled(a)).connect();
    const second = await TestAgent.enrolled(a, `agent-${a}-next`);
    const waiting = await second.connect({ standby: true, services: OPEN_TO_LINKED, onOpen: echo });
    expect(waiting.heard.at(-1)).toEqual({ type: "welcome", state: "standby" });
    const peer = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    expect(await peer.open("kme")).toBe("unknown-service");
    // Asleep or not.
    await evictDurableObject(hubStub(a));
    first.socket.close(4003, "leaving");
    await waiting.until(({ type }) => type === "active");
    await waiting.until(({ type }) => type === "access");
    expect((await whoami(waiting.accessToken)).status).toBe(200);
    await peer.stream("kme");
    const { agents } = await hubStub(a).status();
    expect(agents.map(({ state }) => state).sort()).toEqual(["absent", "active"]);
  });
});

describe("access to the REST API", () => {
  it("comes with the connection and goes with it; it enrols nobody", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const session = await agent.connect();
    const { accessToken } = session;
    expect(await (await whoami(accessToken)).json()).toMatchObject({ role: "agent", id: `agent-${a}`, site: a });
    const enrolling = await call(`/api/v1/sites/${a}/agents`, {
      method: "POST",
      headers: { Authorization: `Bearer ${accessToken}` },
      body: JSON.stringify((await TestAgent.make(a)).enrolment),
    });
    expect(enrolling.status).toBe(403);
    expect((await whoami(`qkda.nowhere.${"A".repeat(43)}`)).status).toBe(401);
    expect((await whoami(`qkda.${a}.${"A".repeat(43)}`)).status).toBe(401);
    const newer = await agent.connect();
    await session.closed;
    const stub = hubStub(a);
    await runInDurableObject(stub, (_, state) => {
      expect([...state.storage.sql.exec("SELECT * FROM access")]).toHaveLength(1);
      expect(JSON.stringify([...state.storage.sql.exec("SELECT * FROM access")])).not.toContain(newer.accessToken);
    });
    expect((await whoami(newer.accessToken)).status).toBe(200);
  });

  it("is renewed before it ends", async () => {
    const { a } = freshSites();
    const session = await (await TestAgent.enrolled(a)).connect();
    const first = session.accessToken;
    await runInDurableObject(hubStub(a), (_, state) => {
      state.storage.sql.exec("UPDATE access SET expires_ms = ?", Date.now() + LIMITS.tunnelAccessRenewMs - 1);
    });
    // Unless it is running by itself already: it is armed for the audit log, too.
    await runDurableObjectAlarm(hubStub(a));
    await session.until(({ type }) => type === "access");
    expect(session.accessToken).not.toBe(first);
    for (const token of [first, session.accessToken]) expect((await whoami(token)).status).toBe(200);
  });
});

describe("when the network changes", () => {
  it("a revoked agent's sockets close, at home and abroad, and others stay", async () => {
    const { a, b, c } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const [home, abroad] = [await agent.connect(), await agent.connect({ at: b, role: "peer" })];
    const other = await (await TestAgent.enrolled(c)).connect({ at: b, role: "peer" });
    const { accessToken } = home;
    const body = JSON.stringify({ kind: "principal", value: `agent:agent-${a}`, reason: "stolen" });
    expect((await call("/api/v1/revocations", { as: "op", method: "POST", body })).status).toBe(201);
    await Promise.all([home.closed, abroad.closed]);
    expect([home.refusal, abroad.refusal, other.refusal]).toEqual(["revoked", "revoked", null]);
    expect(await agent.refused()).toBe("revoked");
    expect((await whoami(accessToken)).status).toBe(401);
  });

  it("a peer that loses what it may open is closed; one that may more than before stays", async () => {
    const { a, b, c } = freshSites();
    const owner = await (await TestAgent.enrolled(a)).connect({ services: OPEN_TO_LINKED, onOpen: echo });
    const linked = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    const stranger = await (await TestAgent.enrolled(c)).connect({ at: a, role: "peer" });
    expect(await stranger.open("kme")).toBe("not-allowed");
    const swapped = SITES_NETWORK.links.map((link) =>
      link.nodes[0] === a ? { ...link, id: `x-${link.id}`, nodes: [a, c] as [string, string] } : link,
    );
    await putSites({ ...SITES_NETWORK, links: swapped });
    await linked.closed;
    expect(linked.refusal).toBe("changed");
    await owner.until((message) => message.type === "peer" && message.site === c && message.linked);
    await stranger.stream("kme");
    owner.say({ type: "services", services: [service("kme", [b])] });
    await stranger.closed;
    expect(stranger.refusal).toBe("changed");
  });

  it("an agent that is gone, or has moved, is closed", async () => {
    const { a, b, c } = freshSites();
    const [gone, moved] = [
      await (await TestAgent.enrolled(a)).connect(),
      await (await TestAgent.enrolled(b)).connect({ at: c, role: "peer" }),
    ];
    const agents = (SITES_NETWORK.agents ?? [])
      .filter(({ id }) => id !== `agent-${a}`)
      .map((agent) => (agent.id === `agent-${b}` ? { ...agent, site: c } : agent));
    await putSites({ ...SITES_NETWORK, agents });
    await Promise.all([gone.closed, moved.closed]);
    expect([gone.refusal, moved.refusal]).toEqual(["revoked", "revoked"]);
    await putSites();
  });

  it("an expelled instance's sockets close, at home and abroad", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(a);
    const [home, abroad] = [await agent.connect(), await agent.connect({ at: b, role: "peer" })];
    const path = `/api/v1/sites/${a}/agents/${agent.instance}`;
    expect((await call(path, { as: `agent-${a}`, method: "DELETE" })).status).toBe(403);
    expect((await call(path, { as: "op", method: "DELETE" })).status).toBe(200);
    await Promise.all([home.closed, abroad.closed]);
    expect([home.refusal, abroad.refusal]).toEqual(["not-enrolled", "not-enrolled"]);
    expect(await agent.refused({ at: b, role: "peer" })).toBe("not-enrolled");
    expect((await call(path, { as: "op", method: "DELETE" })).status).toBe(404);
  });

  it("all of it is in the deployment's audit log", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    await agent.connect();
    const acts = async () => {
      // It may be running by itself just now: then there is nothing left to run.
      await runDurableObjectAlarm(hubStub(a));
      const log = await call("/api/v1/audit?limit=1000", { as: "op" });
      const { records } = await log.json<{ records: { act: string; detail: { hub?: string } }[] }>();
      return records.filter(({ detail }) => detail.hub === a).map(({ act }) => act);
    };
    await expect.poll(acts, { timeout: 10_000 }).toEqual(["tunnel.enrol", "tunnel.connect"]);
  });
});
