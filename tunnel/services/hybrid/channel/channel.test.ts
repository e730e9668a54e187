import { randomBytes } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { createAuthority } from "../../../../pki/authority.ts";
import { PEER_HELLO } from "../../../../shared/hybrid/peer/hello.ts";
import { type PeerMessage, peerMessageText } from "../../../../shared/hybrid/peer/messages.ts";
import { LIMITS } from "../../../../shared/limits.ts";
import { RawPeer, startPeer, wanting } from "../../../../test/support/hybrid-peers.ts";
import { startHub } from "../../../../test/support/tunnel-agent.ts";

const A = "site-a";
const B = "site-b";

async function twoSites() {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const a = await startPeer(hub, { site: A, peers: [B], ca });
  const b = await startPeer(hub, { site: B, peers: [A], ca });
  await hub.owners(A, B);
  return { hub, ca, a: a.engine, b: b.engine, agentA: a, agentB: b };
}

/** Site A has site B for a peer; a test at site B writes frames by itself. */
async function rawAtB() {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const a = await startPeer(hub, { site: A, peers: [B], ca });
  await hub.owners(A);
  const listen = [{ port: 0, site: A, service: "hybrid", tls: true }];
  const b = await startPeer(hub, { site: B, peers: [], ca, more: { listen } });
  await b.ready;
  const { port } = b.agent.listeners[0]!;
  return { a, connect: async () => await RawPeer.connect(port) };
}

const publicKeys = (index: number): PeerMessage => ({
  type: "make",
  session: "11111111-2222-3333-4444-555555555555",
  make: { attempt: 1, index, count: 1, publicKeys: [new Uint8Array(randomBytes(LIMITS.kemPublicKeyBytes))], qkd: null },
});

const textOf = (message: PeerMessage): string => peerMessageText(message);

test("messages both ways on one connection that either end has proved itself on", async () => {
  const { hub, a, b } = await twoSites();
  expect(await hub.servicesOf(B)).toEqual([{ name: "hybrid", allow: [A], tls: true, port: null }]);
  const [question, answer] = [wanting(1), wanting(2)];
  const toB = await a.reached(B);
  expect(toB).toMatchObject({ site: B, dialled: true });
  toB.send(question);
  const atB = await b.heard.next();
  expect(atB.message).toEqual(question);
  expect(atB.from).toMatchObject({ site: A, dialled: false });
  atB.from.send(answer);
  const atA = await a.heard.next();
  expect(atA.message).toEqual(answer);
  expect(atA.from).toBe(toB);
});

test("what nobody waits for arrives in its order, by itself, and before an end", async () => {
  const { a, b } = await twoSites();
  const toB = await a.reached(B);
  const closing: PeerMessage = { type: "close", session: "11111111-2222-3333-4444-555555555555" };
  const sent = [closing, wanting(1), closing];
  for (const message of sent) toB.send(message);
  const heard = async () => (await b.heard.next()).message;
  expect([await heard(), await heard(), await heard()]).toEqual(sent);
  toB.send(closing);
  a.parts.channel.close();
  expect(await heard()).toEqual(closing);
});

test("those who want it at the same time share one, and each end has its own", async () => {
  const { a, b } = await twoSites();
  const [one, other, back] = await Promise.all([a.reached(B), a.reached(B), b.reached(A)]);
  expect(one === other).toBe(true);
  expect(await a.reached(B)).toBe(one);
  one.send(wanting(1));
  const { from } = await b.heard.next();
  expect(from).not.toBe(back);
});

test("the largest public keys, more of them than may ever wait", async () => {
  const { a, b } = await twoSites();
  const toB = await a.reached(B);
  const rounds = Math.ceil(LIMITS.hybridUnsentBytes / LIMITS.kemPublicKeyBytes);
  for (let round = 0; round < rounds; round++) {
    const sent = publicKeys(round);
    toB.send(sent);
    const { from, message } = await b.heard.next();
    expect(isDeepStrictEqual(message, sent)).toBe(true); // without a megabyte of difference to print
    from.send(wanting(round));
    expect((await a.heard.next()).message).toMatchObject({ index: round });
  }
});

test("between nodes of one site it stays within the process", async () => {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const { engine } = await startPeer(hub, { site: A, peers: [], ca });
  const dialled = await engine.reached(A);
  dialled.send(wanting(1));
  const { from, message } = await engine.heard.next();
  expect(message).toMatchObject({ index: 1 });
  expect([dialled.dialled, from.dialled, from.site]).toEqual([true, false, A]);
  from.send(wanting(2));
  expect((await engine.heard.next()).from).toBe(dialled);
  from.hangUp("as the test says");
  const ended = [await engine.ended.next(), await engine.ended.next()].map(({ connection }) => connection);
  expect(new Set(ended)).toEqual(new Set([dialled, from]));
  expect(await engine.reached(A)).not.toBe(dialled);
});

test("a site that is no peer's is neither reached nor let in", async () => {
  const { hub, ca, a, agentA } = await twoSites();
  const c = await startPeer(hub, { site: "site-c", peers: [A], ca });
  const reached = await c.engine.reach(A);
  expect(reached).toEqual({ ok: false, error: "the service is not for this caller: by the exposing agent" });
  expect((await agentA.lines.seen("not-allowed")).fields["from"]).toBe("site-c");
  for (const target of ["hybrid", "http/hybrid"]) {
    const opened = await hub.openAsHub(A, target).opened;
    expect(opened.ok ? null : opened.error.code).toBe("not-allowed");
  }
  expect(await a.reach("site-c")).toEqual({ ok: false, error: "site-c is the site of no peer" });
});

test("whoever dials with another site's certificate is told that it was not let in", async () => {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const a = await startPeer(hub, { site: A, peers: [B], ca });
  await hub.owners(A);
  const b = await startPeer(hub, { site: B, peers: [A], ca, as: "site-c" });
  expect(await b.engine.reach(A)).toMatchObject({ ok: false });
  expect((await a.lines.seen("TLS between the agents failed")).fields["reason"]).toContain("is not that of site-b");
});

test("whoever answers with another site's certificate is sent nothing", async () => {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  await startPeer(hub, { site: A, peers: [B], ca, as: "site-c" });
  await hub.owners(A);
  const b = await startPeer(hub, { site: B, peers: [A], ca });
  const reached = await b.engine.reach(A);
  expect(reached.ok ? "" : reached.error).toContain("is not that of site-a");
});

test("so does one of another authority", async () => {
  const [hub, ca, stranger] = [await startHub(), await createAuthority("sites"), await createAuthority("sites")];
  const a = await startPeer(hub, { site: A, peers: [B], ca });
  await hub.owners(A);
  const b = await startPeer(hub, { site: B, peers: [A], ca: stranger });
  const reached = await b.engine.reach(A);
  expect(reached.ok ? "" : reached.error).toContain("not to be trusted");
  await a.lines.seen("TLS between the agents failed");
});

const hello = PEER_HELLO;

test.each([
  ["no hello", [textOf(wanting(1))], "does not speak this version"],
  ["another version", ['{"type":"hello","version":2}'], "does not speak this version"],
  ["what is no JSON", [hello, "{"], "1 bytes came that are no message"],
  ["what is no UTF-8", [hello, Buffer.from([0xff, 0xfe])], "2 bytes came that are no message"],
  ["JSON that is no message", [hello, '{"type":"want","session":"x","index":1}'], "39 bytes came that are no message"],
])("%s hangs up, and nobody hears of it", async (_, messages, reason) => {
  const { a, connect } = await rawAtB();
  const raw = await connect();
  expect(await raw.frames.next()).toBe(hello);
  raw.say(...messages);
  await raw.closed;
  const line = await a.lines.seen("connection to the other agent ended");
  expect(line).toMatchObject({ level: "warn", fields: { site: B, dialled: false } });
  expect(line.fields["reason"]).toContain(reason);
});

test.each([0, LIMITS.hybridMessageBytes + 1, 0xffff_ffff])(
  "a length of %d hangs up before anything is kept",
  async (bytes) => {
    const { a, connect } = await rawAtB();
    const raw = await connect();
    raw.say(hello, textOf(wanting(7)));
    const { from } = await a.engine.heard.next();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(bytes);
    raw.socket.write(head);
    await raw.closed;
    expect(await a.engine.ended.next()).toEqual({
      connection: from,
      reason: `a message of ${bytes} bytes is announced`,
    });
  },
);

test("what follows a message on which its hearer hangs up is not heard", async () => {
  const { a, connect } = await rawAtB();
  const raw = await connect();
  const seen: PeerMessage[] = [];
  a.engine.message = (from, message) => {
    seen.push(message);
    from.hangUp("as the test says");
  };
  raw.say(hello, textOf(wanting(1)), textOf(wanting(2)));
  await raw.closed;
  expect((await a.engine.ended.next()).reason).toBe("as the test says");
  expect(seen).toMatchObject([{ index: 1 }]);
});

test("an agent that reads nothing is hung up on", async () => {
  const { a, connect } = await rawAtB();
  const raw = await connect();
  await raw.frames.next();
  raw.say(hello, textOf(wanting(1)));
  raw.socket.pause();
  const { from } = await a.engine.heard.next();
  const sizeBytes = textOf(publicKeys(1)).length;
  for (let sent = 0; sent <= LIMITS.hybridUnsentBytes + sizeBytes; sent += sizeBytes) from.send(publicKeys(1));
  expect(await a.engine.ended.next()).toEqual({ connection: from, reason: "the other agent reads nothing" });
});

test("a message that the other end would not read is not sent", async () => {
  const { a, b } = await twoSites();
  const toB = await a.reached(B);
  const many = Array.from({ length: LIMITS.hybridSources }, () => Buffer.alloc(LIMITS.kemPublicKeyBytes));
  const base = publicKeys(1);
  if (base.type === "make") toB.send({ ...base, make: { ...base.make, publicKeys: many } });
  expect((await a.ended.next()).reason).toContain("would be too large");
  (await a.reached(B)).send(wanting(2));
  expect((await b.heard.next()).message).toMatchObject({ index: 2 });
});

test("of connections that one site has dialled the oldest make room", async () => {
  const { a, connect } = await rawAtB();
  const raws: RawPeer[] = [];
  for (let count = 0; count <= LIMITS.hybridPeerConnections; count++) {
    const raw = await connect();
    raw.say(hello, textOf(wanting(count)));
    await a.engine.heard.next();
    raws.push(raw);
  }
  await raws[0]!.closed;
  expect((await a.engine.ended.next()).reason).toContain("replaced");
  raws[1]!.say(textOf(wanting(99)));
  expect((await a.engine.heard.next()).message).toMatchObject({ index: 99 });
});

test("both ends hear when the tunnel breaks, and the next one dials anew", async () => {
  const { hub, a, b, agentA } = await twoSites();
  const before = await a.reached(B);
  before.send(wanting(1));
  const { from } = await b.heard.next();
  hub.cutAll();
  expect((await a.ended.next()).connection).toBe(before);
  expect((await b.ended.next()).connection).toBe(from);
  await agentA.lines.seen("disconnected");
  before.send(wanting(2));
  const after = await a.reached(B);
  expect(after).not.toBe(before);
  after.send(wanting(3));
  expect((await b.heard.next()).message).toMatchObject({ index: 3 });
});

test("the other end hears at once when an agent ends", async () => {
  const { a, b, agentA } = await twoSites();
  (await a.reached(B)).send(wanting(1));
  const { from } = await b.heard.next();
  await agentA.stop();
  expect(await b.ended.next()).toEqual({ connection: from, reason: "the other agent has ended it" });
  expect(await a.reach(B)).toEqual({ ok: false, error: "this agent ends" });
});

test("a peer that is away is none of the agent's trouble, and is reached once it comes", async () => {
  const [hub, ca] = [await startHub(), await createAuthority("sites")];
  const a = await startPeer(hub, { site: A, peers: [B], ca });
  await a.ready;
  await hub.peers(B, 1);
  const early = await a.engine.reach(B);
  expect(early).toEqual({ ok: false, error: "the other end left the hub" });
  const b = await startPeer(hub, { site: B, peers: [A], ca });
  await hub.owners(B);
  (await a.engine.reached(B)).send(wanting(1));
  expect((await b.engine.heard.next()).message).toMatchObject({ index: 1 });
});

test("whoever does not wait any more is not kept, and the others still get it", async () => {
  const { a } = await twoSites();
  // What breaks once while the two are new at the hub is not what this is about.
  (await a.reached(B)).hangUp("as the test says");
  const gone = new AbortController();
  const [first, second] = [a.reach(B, gone.signal), a.reach(B)];
  gone.abort();
  expect(await first).toEqual({ ok: false, error: "nobody waits any more" });
  expect((await second).ok).toBe(true);
});
