import { SELF, evictDurableObject } from "cloudflare:test";
import { expect, it } from "vitest";
import { tunnelPath } from "../../shared/tunnel/paths.ts";
import { call, EDGE } from "../../test/support/in-workerd-network.ts";
import {
  echo,
  freshSites,
  hubStub,
  putSites,
  readAll,
  service,
  TestAgent,
  TestSession,
  useSites,
} from "../../test/support/in-workerd-tunnel.ts";

useSites();

const AS_GATEWAY = { cf: { qkd: { gateway: true } } };

/** An owner at a site that has a link, and the gateway. */
async function meet() {
  const { a } = freshSites();
  const services = [
    service("mine", ["@gateway"]),
    service("sealed", ["@gateway"], { tls: true }),
    service("others", ["@linked", "@edge", a]),
  ];
  const agent = await TestAgent.enrolled(a);
  const owner = await agent.connect({ services, onOpen: echo });
  const gateway = await TestSession.open(a, "peer", undefined, AS_GATEWAY);
  expect(await gateway.until(() => true)).toEqual({ type: "welcome", state: "active" });
  return { a, agent, owner, gateway, hub: hubStub(a) };
}

async function echoes(session: TestSession): Promise<void> {
  const stream = await session.stream("mine");
  await stream.write(new Uint8Array([1, 2, 3]));
  await stream.end();
  expect([...(await readAll(stream))]).toEqual([1, 2, 3]);
}

it("is let in by the platform's word, introduced to the owner, and opens what names it", async () => {
  const { owner, gateway, hub } = await meet();
  expect(await owner.until(({ type }) => type === "peer")).toMatchObject({
    site: "@gateway",
    agent: "@gateway",
    linked: false,
  });
  await echoes(gateway);
  expect(await gateway.open("sealed")).toBe("not-allowed");
  expect(await gateway.open("others")).toBe("not-allowed");
  expect(await gateway.open("nothing")).toBe("unknown-service");
  expect((await hub.status()).peers).toMatchObject([{ site: "@gateway", agent: "@gateway" }]);
});

it("stays when the network changes, when the hub sleeps, and when the agent comes anew", async () => {
  const { a, agent, gateway, hub } = await meet();
  await putSites();
  await hub.refresh();
  await echoes(gateway);
  await evictDurableObject(hub, { webSockets: "hibernate" });
  await echoes(gateway);
  await call(`/api/v1/sites/${a}/agents/${agent.instance}`, { as: "op", method: "DELETE" });
  const again = await TestAgent.enrolled(a, `agent-${a}-next`);
  await again.connect({ services: [service("mine", ["@gateway"])], onOpen: echo });
  // Of the agent that went, and of the one that came.
  await gateway.until(() => gateway.gone.length === 2);
  await echoes(gateway);
  expect(gateway.refusal).toBeNull();
});

it("is nobody whom the platform does not vouch for: a header of its own is not passed on", async () => {
  const { a } = freshSites();
  for (const more of [{ headers: { "QKD-Tunnel-Gateway": "1" } }, { cf: { qkd: { gateway: "yes" } } }]) {
    await expect(TestSession.open(a, "peer", undefined, more)).rejects.toThrow("400");
  }
  expect(
    (await SELF.fetch(EDGE + tunnelPath("nowhere"), { headers: { Upgrade: "websocket" }, ...AS_GATEWAY })).status,
  ).toBe(404);
});
