/** What those who prove nothing, and those who prove themselves too often, can take from others. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { RelayWindow } from "../../shared/mux/relay-window.ts";
import { call } from "../../test/support/in-workerd-network.ts";
import {
  freshSites,
  hubStub,
  knock,
  nonceOf,
  refusalOf,
  service,
  TestAgent,
  TestSession,
  useSites,
} from "../../test/support/in-workerd-tunnel.ts";
import type { Attachment, Member } from "./attachment.ts";
import { TunnelHub } from "./tunnel-hub.ts";

useSites();

/** Rewrites what the hub keeps of each socket, and wakes it with that. */
async function rewrite(site: string, change: (attachment: Attachment, index: number) => Attachment): Promise<void> {
  await runInDurableObject(hubStub(site), (_, state) => {
    for (const [index, socket] of state.getWebSockets().entries()) {
      socket.serializeAttachment(change(socket.deserializeAttachment() as Attachment, index));
    }
  });
  await evictDurableObject(hubStub(site));
}

/** A socket whose other end says nothing. */
function acceptOne(state: DurableObjectState, tag: string): WebSocket {
  const { 0: client, 1: socket } = new WebSocketPair();
  clients.push(client);
  state.acceptWebSocket(socket, [tag]);
  return socket;
}

/** Kept: what nobody has any more is collected, and its socket closed with it. */
const clients: WebSocket[] = [];

interface Told {
  readonly act: string;
  readonly who: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

async function auditOf(hub: string): Promise<Told[]> {
  await runDurableObjectAlarm(hubStub(hub));
  const log = await call("/api/v1/audit?limit=1000", { as: "op" });
  return (await log.json<{ records: Told[] }>()).records.filter(({ detail }) => detail["hub"] === hub);
}

describe("those who have not proved who they are", () => {
  it("have no socket, and nothing of what they ask for keeps others out", async () => {
    const { a } = freshSites();
    const hub = hubStub(a);
    const agent = await TestAgent.enrolled(a);
    const forged = await (await TestAgent.make(a)).hello();
    for (let n = 0; n < 300; n++) {
      const answer = await knock(a, n % 2 === 0 ? "hello" : { ...forged, nonce: await nonceOf(a) });
      expect(answer.webSocket).toBeNull();
      await answer.arrayBuffer();
    }
    expect(await runInDurableObject(hub, (_, state) => state.getWebSockets().length)).toBe(0);
    expect((await agent.connect()).refusal).toBeNull();
  });

  it("write one line of the audit log with all they claim, and none in another's name", async () => {
    const { a } = freshSites();
    const agent = await TestAgent.enrolled(a);
    for (let n = 0; n < 5; n++) {
      expect(await agent.refused({ instance: crypto.randomUUID() })).toBe("not-enrolled");
    }
    const refusals = (await auditOf(a)).filter(({ act }) => act === "tunnel.refused");
    expect(refusals).toMatchObject([
      { who: "unknown", detail: { code: "not-enrolled", claimed_agent: `agent-${a}`, left_out: 0 } },
    ]);
  });

  it("keep the hub told of the network while they are judged", async () => {
    const { a, b } = freshSites();
    const agent = await TestAgent.enrolled(b);
    // Objects look at these by themselves: a promise would go on in the context of whoever resolves it.
    const gate = { isAsked: false, isHeld: true };
    const restore = await runInDurableObject(hubStub(b), () => {
      const { prototype } = TunnelHub;
      const keysOf = Object.getOwnPropertyDescriptor(prototype, "keysOf") ?? {};
      const answer = keysOf.value as TunnelHub["keysOf"];
      prototype.keysOf = async function (this: TunnelHub, question) {
        gate.isAsked = true;
        while (gate.isHeld) await scheduler.wait(1);
        return await answer.call(this, question);
      };
      return () => void Object.defineProperty(prototype, "keysOf", keysOf);
    });
    const connecting = agent.connect({ at: a, role: "peer" });
    await vi.waitUntil(() => gate.isAsked);
    await hubStub(a).refresh();
    gate.isHeld = false;
    const session = await connecting;
    restore();
    expect(session.refusal).toBeNull();
    const body = JSON.stringify({ kind: "principal", value: `agent:agent-${b}`, reason: "stolen" });
    expect((await call("/api/v1/revocations", { as: "op", method: "POST", body })).status).toBe(201);
    await session.closed;
    expect(session.refusal).toBe("revoked");
  });
});

describe("peers", () => {
  it("of one instance are few: the oldest makes room", async () => {
    const { a, b } = freshSites();
    const owner = await (await TestAgent.enrolled(a)).connect();
    const agent = await TestAgent.enrolled(b);
    const sessions: TestSession[] = [];
    for (let n = 0; n <= LIMITS.tunnelPeersPerInstance; n++)
      sessions.push(await agent.connect({ at: a, role: "peer" }));
    expect((await sessions[0]?.closed)?.code).toBe(4002);
    const { peers } = await hubStub(a).status();
    expect(peers.map(({ slot }) => slot)).toEqual([2, 3, 4, 5]);
    expect(sessions.slice(1).map(({ refusal }) => refusal)).toEqual([null, null, null, null]);
    // It heard of the new one before it could count them.
    await owner.until((message) => message.type === "peer" && message.slot === 5);
    expect(owner.gone).toEqual([1]);
  });

  it("of one site leave room for those of others", async () => {
    const { a, b, c } = freshSites();
    // The gateway's have nothing to sign.
    for (let n = 0; n < LIMITS.tunnelPeersPerSite; n++) {
      await TestSession.open(a, "peer", undefined, { cf: { qkd: { gateway: true } } });
    }
    const member = (index: number): Member => ({
      kind: "member",
      id: crypto.randomUUID(),
      role: "peer",
      agent: `agent-${b}`,
      site: b,
      instance: crypto.randomUUID(),
      sinceMs: index,
      slot: index + 1,
      linked: true,
      barrier: null,
      usedByHub: false,
      window: new RelayWindow().snapshot(),
    });
    await rewrite(a, (_, index) => member(index));
    expect(await (await TestAgent.enrolled(b)).refused({ at: a, role: "peer" })).toBe("too-many");
    expect((await (await TestAgent.enrolled(c)).connect({ at: a, role: "peer" })).refusal).toBeNull();
  });

  it("that do not close what the hub has closed keep themselves out, and nobody else", async () => {
    const { a, b, c } = freshSites();
    const [stubborn, other] = [await TestAgent.enrolled(b), await TestAgent.enrolled(c)];
    await runInDurableObject(hubStub(a), (_, state) => {
      for (let n = 0; n < LIMITS.tunnelSocketsPerInstance; n++) {
        const socket = acceptOne(state, `${b}/${stubborn.instance}`);
        socket.serializeAttachment({ kind: "gone" } satisfies Attachment);
      }
    });
    const answer = await knock(a, await stubborn.hello({ at: a, role: "peer" }));
    expect([answer.status, await refusalOf(answer)]).toEqual([429, "too-many"]);
    expect((await other.connect({ at: a, role: "peer" })).refusal).toBeNull();
  });

  it("of another site are not closed when an instance of the same name is expelled", async () => {
    const { a, b, c } = freshSites();
    const agent = await TestAgent.enrolled(b);
    const namesake = await TestAgent.make(c);
    const { instance } = agent;
    const body = JSON.stringify({ ...namesake.enrolment, instance });
    const enrolled = await call(`/api/v1/sites/${c}/agents`, { as: `agent-${c}-first`, method: "POST", body });
    expect(enrolled.status).toBe(201);
    const ours = await agent.connect({ at: a, role: "peer" });
    const theirs = await namesake.connect({ at: a, role: "peer", instance });
    expect([ours.refusal, theirs.refusal]).toEqual([null, null]);
    const expelled = await call(`/api/v1/sites/${c}/agents/${instance}`, { as: "op", method: "DELETE" });
    expect(expelled.status).toBe(200);
    await theirs.closed;
    const { peers } = await hubStub(a).status();
    expect(peers.map(({ site }) => site)).toEqual([b]);
    expect(ours.refusal).toBeNull();
  });
});

const list = (n: number) => ({ type: "services", services: [service(`s-${n}`, [])] });

it("an owner that sends list after list of its services is closed, with an alarm", async () => {
  const { a } = freshSites();
  const owner = await (await TestAgent.enrolled(a)).connect();
  const { burst } = LIMITS.tunnelServiceLists;
  // The first came with the connection.
  for (let n = 2; n <= burst; n++) owner.say(list(n));
  await vi.waitUntil(async () => (await hubStub(a).status()).services[0]?.name === `s-${burst}`);
  for (let n = 1; n <= burst; n++) owner.say(list(n));
  await owner.closed;
  expect(owner.refusal).toBe("too-much");
  expect((await hubStub(a).status()).alarms.map(({ code }) => code)).toContain("too-much");
});
