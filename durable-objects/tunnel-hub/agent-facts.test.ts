/** What an agent tells of itself when it connects, and what the hub's status has of it. */
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { AGENT_FACTS_HEADER, readAgentFacts, writeAgentFacts } from "../../shared/tunnel/agent-facts.ts";
import { HELLO_HEADER } from "../../shared/tunnel/messages.ts";
import { freshSites, hubStub, TestAgent, TestSession, useSites } from "../../test/support/in-workerd-tunnel.ts";

useSites();

const CERTIFICATE = { name: "certificate", notBeforeMs: 1000, notAfterMs: 2000 };

async function connect(agent: TestAgent, facts: string, role: "owner" | "peer" = "owner"): Promise<TestSession> {
  const hello = JSON.stringify(await agent.hello({ role }));
  const headers = { [HELLO_HEADER]: hello, [AGENT_FACTS_HEADER]: facts };
  const session = await TestSession.open(agent.site, role, undefined, { headers });
  await session.until(({ type }) => type === "welcome");
  return session;
}

test("its clock, against the hub's, and when its certificates end; as long as it is connected", async () => {
  const { a } = freshSites();
  const agent = await TestAgent.enrolled(a);
  expect(await hubStub(a).status()).toMatchObject({ servedMs: null, agents: [{ state: "absent" }] });
  const facts = writeAgentFacts({ nowMs: Date.now() + 90_000, certificates: [CERTIFICATE] });
  const session = await connect(agent, facts);
  const status = await hubStub(a).status();
  const [told] = status.agents;
  expect(told).toMatchObject({ state: "active", certificates: [CERTIFICATE], heardMs: told?.connectedMs });
  expect(status.servedMs).toBe(told?.connectedMs);
  expect(told?.clockAheadMs).toBeGreaterThan(60_000);
  expect(told?.clockAheadMs).toBeLessThanOrEqual(90_000);
  session.socket.close(1000);
  await expect.poll(async () => (await hubStub(a).status()).agents[0]).not.toHaveProperty("certificates");
  expect((await hubStub(a).status()).servedMs).toBe(told?.connectedMs);
});

test("an agent that only reaches others does not count as one that serves its site", async () => {
  const { a } = freshSites();
  const agent = await TestAgent.enrolled(a);
  await connect(agent, writeAgentFacts({ nowMs: Date.now(), certificates: [] }), "peer");
  expect(await hubStub(a).status()).toMatchObject({ servedMs: null, agents: [{ state: "absent" }] });
});

test.each([
  ["no JSON", ""],
  ["members missing", "{}"],
  ["a time before 1970", '{"now_ms":-1,"certificates":[]}'],
  ["no name", '{"now_ms":1,"certificates":[{"name":"","not_before_ms":1,"not_after_ms":2}]}'],
  ["too long", `{"now_ms":1,"certificates":[],"more":"${"x".repeat(5000)}"}`],
])("what makes no sense is left out, and keeps no agent out: %s", async (_, facts) => {
  expect(readAgentFacts(facts)).toBeNull();
  const { a } = freshSites();
  await connect(await TestAgent.enrolled(a), facts);
  const [told] = (await hubStub(a).status()).agents;
  expect(told).toMatchObject({ state: "active" });
  expect(told).not.toHaveProperty("clockAheadMs");
});

test("is bounded, and comes back as it was written", () => {
  const many = Array.from({ length: LIMITS.agentCertificates + 1 }, (_, n) => ({
    ...CERTIFICATE,
    name: `é ${"x".repeat(100)} ${n}`,
  }));
  const back = readAgentFacts(writeAgentFacts({ nowMs: 7, certificates: many }));
  expect(back?.nowMs).toBe(7);
  expect(back?.certificates).toHaveLength(LIMITS.agentCertificates);
  expect(back?.certificates[0]?.name).toBe(`? ${"x".repeat(78)}`);
  expect(readAgentFacts(null)).toBeNull();
});
