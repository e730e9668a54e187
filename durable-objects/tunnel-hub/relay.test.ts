import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { encodeFrame } from "../../shared/mux/encode.ts";
import { typeOf } from "../../shared/mux/frame.ts";
import type { IncomingOpen, MuxStream } from "../../shared/mux/stream.ts";
import type { Service } from "../../shared/tunnel/services.ts";
import { call } from "../../test/support/in-workerd-network.ts";
import {
  echo,
  freshSites,
  hubStub,
  readAll,
  service,
  TestAgent,
  type TestSession,
  useSites,
} from "../../test/support/in-workerd-tunnel.ts";

useSites();

const MIB = 1024 * 1024;

/** An owner at a with these services, and a peer of b (linked) and c (not linked). */
async function meet(services: (sites: { b: string; c: string }) => Service[], onOpen = echo) {
  const sites = freshSites();
  const { a, b, c } = sites;
  const owner = await (await TestAgent.enrolled(a)).connect({ services: services(sites), onOpen });
  const peerOf = async (site: string, as?: string): Promise<TestSession> =>
    await (await TestAgent.enrolled(site, as)).connect({ at: a, role: "peer" });
  return { ...sites, owner, b1: await peerOf(b), c1: await peerOf(c), hub: hubStub(a), peerOf };
}

async function echoes(stream: MuxStream, bytes: Uint8Array): Promise<void> {
  const back = readAll(stream);
  for (let at = 0; at < bytes.length; at += 65_536) await stream.write(bytes.slice(at, at + 65_536));
  await stream.end();
  const answer = await back;
  expect(isSame(answer, bytes)).toBe(true);
}

const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && one.every((byte, at) => byte === other[at]);

const noise = (count: number): Uint8Array => {
  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

/** A data frame. */
const zeros = (stream: number, count: number, slot = 0): Uint8Array =>
  encodeFrame({ type: "data", slot, stream, fin: false, payload: new Uint8Array(count) });

const ackOf = (token: Uint8Array): Uint8Array => encodeFrame({ type: "ack", slot: 0, stream: 0, token });

const answers = async (peer: TestSession) =>
  await Promise.all(["closed", "for-edge", "for-b", "linked", "none"].map(async (name) => await peer.open(name)));

describe("between an owner and its peers", () => {
  it("nothing is open that no service allows", async () => {
    const { b1, c1, owner, b } = await meet(({ b: linked }) => [
      service("closed", []),
      service("for-edge", ["@edge"]),
      service("for-b", [linked]),
      service("linked", ["@linked"]),
    ]);
    expect(await answers(c1)).toEqual(["not-allowed", "not-allowed", "not-allowed", "not-allowed", "unknown-service"]);
    const [closed, edge, named, linked, none] = await answers(b1);
    expect([closed, edge, none]).toEqual(["not-allowed", "not-allowed", "unknown-service"]);
    expect([typeof named, typeof linked]).toEqual(["object", "object"]);
    expect(owner.heard.filter(({ type }) => type === "peer")).toMatchObject([
      { slot: 1, site: b, agent: `agent-${b}`, linked: true },
      { slot: 2, linked: false },
    ]);
  });

  it("HTTP is not a peer's to speak, whatever it may open", async () => {
    const asked: string[] = [];
    const { b1 } = await meet(
      () => [service("kme", ["@linked", "@edge"])],
      (open) => {
        asked.push(open.service);
        echo(open);
      },
    );
    expect(await b1.open("http/kme")).toBe("not-allowed");
    expect(await b1.open("http/none")).toBe("unknown-service");
    await echoes(await b1.stream("kme"), noise(1000));
    expect(asked).toEqual(["kme"]);
  });

  it("bytes come whole and in order, both ways, on many streams", async () => {
    const { b1, c1, hub } = await meet(({ c }) => [service("kme", ["@linked", c])]);
    await Promise.all(
      [b1, c1, b1, c1, b1].map(async (peer, index) => await echoes(await peer.stream("kme"), noise(index * MIB))),
    );
    const { gauges } = await hub.status();
    expect(gauges.bytesRelayed).toBeGreaterThan(20 * MIB);
    expect(gauges.waitingBytes).toBeLessThan(MIB);
  });

  it("each direction ends by itself", async () => {
    const opened = Promise.withResolvers<MuxStream>();
    const { b1 } = await meet(
      () => [service("kme", ["@linked"])],
      (open: IncomingOpen) => opened.resolve(open.accept()),
    );
    const near = await b1.stream("kme");
    const far = await opened.promise;
    await near.write(Uint8Array.of(7));
    await near.end();
    expect([...(await readAll(far))]).toEqual([7]);
    await far.write(Uint8Array.of(8, 9));
    await far.end();
    expect([...(await readAll(near))]).toEqual([8, 9]);
    expect(await near.closed).toEqual({ kind: "finished" });
  });

  it("streams go on over the hub's sleep, in mid-stream and again", async () => {
    const { b1, hub } = await meet(() => [service("kme", ["@linked"])]);
    const stream = await b1.stream("kme");
    const bytes = noise(6 * MIB);
    const back = readAll(stream);
    for (let at = 0; at < bytes.length; at += 65_536) {
      await stream.write(bytes.slice(at, at + 65_536));
      if (at === MIB || at === 3 * MIB) await evictDurableObject(hub);
    }
    await stream.end();
    expect(isSame(await back, bytes)).toBe(true);
    await echoes(await b1.stream("kme"), noise(3 * MIB));
    expect((await hub.status()).peers).toHaveLength(2);
  });

  it("what was on its way when the hub fell asleep is acknowledged when it wakes", async () => {
    const { b1, owner, hub } = await meet(() => [service("kme", ["@linked"])]);
    const stream = await b1.stream("kme");
    const release = silence(owner);
    for (let sentBytes = 0; sentBytes < 4 * MIB; sentBytes += 65_536) {
      b1.socket.send(zeros(3, 65_536));
    }
    expect(await b1.open("none")).toBe("unknown-service"); // the hub's answer, to what it got after all that
    const waitingBytes = async (): Promise<number> => (await hub.status()).gauges.waitingBytes;
    expect(await waitingBytes()).toBeGreaterThan(4 * MIB);
    await evictDurableObject(hub);
    expect(await waitingBytes()).toBeGreaterThan(3 * MIB);
    release();
    await echoes(stream, noise(1000));
    expect(await waitingBytes()).toBeLessThan(MIB);
  });

  it("a peer that goes is told of, and its slot is not the next to be given out", async () => {
    const { b1, owner, hub, peerOf, b } = await meet(() => [service("kme", ["@linked"])]);
    await b1.stream("kme");
    b1.socket.close(1000);
    await b1.closed;
    await peerOf(b, `agent-${b}-next`);
    expect(owner.gone).toEqual([1]);
    expect((await hub.status()).peers.map(({ slot }) => slot)).toEqual([2, 3]);
  });

  it("peers may wait for an owner that is not there", async () => {
    const { a, b } = freshSites();
    const peer = await (await TestAgent.enrolled(b)).connect({ at: a, role: "peer" });
    expect(await peer.open("kme")).toBe("peer-gone");
    const agent = await TestAgent.enrolled(a);
    const owner = await agent.connect({ services: [service("kme", ["@linked"])], onOpen: echo });
    await owner.until(({ type }) => type === "peer");
    await echoes(await peer.stream("kme"), noise(1000));
  });
});

describe("hostile agents", () => {
  it.each<[string, Uint8Array | string]>([
    ["a message larger than any may be", zeros(1, LIMITS.tunnelMessageBytes)],
    ["a message that is cut short", zeros(1, 10).subarray(0, 21)],
    ["an empty message", new Uint8Array()],
    ["an acknowledgement of what was never sent", ackOf(new Uint8Array(8))],
    ["a text", '{"type":"services","services":[]}'],
  ])("are closed for %s, and others go on", async (_, message) => {
    const { b1, c1, hub } = await meet(({ c }) => [service("kme", ["@linked", c])]);
    const stream = await c1.stream("kme");
    b1.socket.send(message);
    expect((await b1.closed).code).toBe(4001);
    expect(b1.refusal).toBe("bad-message");
    await echoes(stream, noise(1000));
    expect((await hub.status()).peers).toHaveLength(1);
  });

  it("frames that mean nothing, or nobody, end at the hub", async () => {
    const { b1, owner } = await meet(() => [service("kme", ["@linked"])]);
    const stream = await b1.stream("kme");
    for (const bytes of [
      new Uint8Array(12),
      Uint8Array.of(0, 0, 99, 0, 0, 0, 0, 1, 0, 0, 0, 0),
      encodeFrame({ type: "mark", slot: 0, stream: 0, token: new Uint8Array(8) }),
    ]) {
      b1.socket.send(bytes);
      owner.socket.send(bytes);
    }
    owner.socket.send(zeros(1, 10, 4711));
    b1.socket.send(encodeFrame({ type: "open", slot: 0, stream: 0, creditBytes: 1, service: "kme" }));
    await echoes(stream, noise(1000));
  });

  it("a peer that ignores credit is closed, which is an alarm; others go on", async () => {
    const opened: MuxStream[] = [];
    const { b1, c1, hub, owner, b } = await meet(
      ({ c }) => [service("kme", ["@linked", c])],
      (open) => {
        if (open.slot === 2) echo(open);
        else opened.push(open.accept());
      },
    );
    const calm = await c1.stream("kme");
    await b1.stream("kme");
    // The owner does not get to acknowledge: as if its line were slow.
    const silent = silence(owner);
    for (let sentBytes = 0; sentBytes < 12 * MIB && b1.refusal === null; sentBytes += 65_536) {
      b1.socket.send(zeros(1, 65_536));
    }
    await b1.closed;
    expect(b1.refusal).toBe("too-much");
    silent();
    await echoes(calm, noise(MIB));
    const { alarms, gauges, agents } = await hub.status();
    expect(alarms).toMatchObject([{ code: "too-much", count: 1 }]);
    expect(alarms[0]?.subject).toContain(`agent-${b}/`);
    expect(gauges.culpritsClosed).toBe(1);
    expect(agents).toMatchObject([{ state: "active" }]);
  });

  it("an owner that reads nothing makes no room by guesses, however many peers send for it", async () => {
    const { b1, c1, hub, owner, peerOf, b } = await meet(() => []);
    silence(owner);
    for (const peer of [b1, c1, await peerOf(b, `agent-${b}-next`)]) {
      for (let sentBytes = 0; sentBytes < 24 * MIB; sentBytes += 65_536) {
        peer.socket.send(zeros(1, 65_536));
      }
      await peer.closed;
      expect(peer.refusal).toBe("too-much");
      const { gauges } = await hub.status();
      expect(gauges.waitingBytes).toBeGreaterThan(LIMITS.tunnelSocketWindowBytes - MIB);
      expect(gauges.waitingBytes).toBeLessThan(2 * LIMITS.tunnelSocketWindowBytes + MIB);
    }
    WebSocket.prototype.send.call(owner.socket, ackOf(crypto.getRandomValues(new Uint8Array(8))));
    await owner.closed;
    expect(owner.refusal).toBe("bad-message");
  });

  it("an acknowledgement counts once", async () => {
    const { b1, owner } = await meet(() => [service("kme", ["@linked"])]);
    const acks = acksOf(owner);
    await echoes(await b1.stream("kme"), noise(MIB));
    expect(acks.length).toBeGreaterThan(2);
    expect(owner.refusal).toBeNull();
    owner.socket.send(acks.at(-1) ?? "");
    await owner.closed;
    expect(owner.refusal).toBe("bad-message");
  });

  it("opens that are not allowed are audited once a minute, whatever their number", async () => {
    const { c1, a } = await meet(() => [service("kme", ["@linked"])]);
    for (let n = 0; n < 50; n++) expect(await c1.open("kme")).toBe("not-allowed");
    await runDurableObjectAlarm(hubStub(a));
    const log = await call("/api/v1/audit?limit=1000", { as: "op" });
    const { records } = await log.json<{ records: { act: string; detail: { hub?: string } }[] }>();
    const acts = records.filter(({ act, detail }) => act === "tunnel.open-refused" && detail.hub === a);
    expect(acts).toHaveLength(1);
  });
});

/** Lets a session's mux take frames without a word to the hub. @returns ends it */
function silence(session: TestSession): () => void {
  const { socket } = session;
  const send = socket.send.bind(socket);
  const held: (string | ArrayBuffer | ArrayBufferView)[] = [];
  socket.send = (message) => void held.push(message);
  return () => {
    socket.send = send;
    for (const message of held) send(message);
  };
}

/** What a session acknowledges from now on. */
function acksOf({ socket }: TestSession): Uint8Array[] {
  const acks: Uint8Array[] = [];
  const send = socket.send.bind(socket);
  socket.send = (message) => {
    if (message instanceof Uint8Array && typeOf(message) === "ack") acks.push(message.slice());
    send(message);
  };
  return acks;
}
