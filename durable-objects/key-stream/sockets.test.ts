/** Binding 5: chunks pushed over WebSockets. */
import { beforeAll, describe, expect, it } from "vitest";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { SOCKET_END, type SocketEnd } from "../../shared/etsi004/socket.ts";
import { windowMessages } from "../../shared/etsi004/window.ts";
import type { NodeId, PairName, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { revocationKey } from "../../shared/network/lookup.ts";
import { call, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { connect } from "../../test/support/in-workerd-sockets.ts";
import { app, newKsid, opened, streamStub } from "../../test/support/in-workerd-streams.ts";
import type { Halves } from "./halves.ts";
import { Sockets } from "./sockets.ts";

const pool = { pair: "n1|n2" as PairName };
const [n1, n2] = ["n1" as NodeId, "n2" as NodeId];
const a = app(pool, "sae-a", n1);
const b = app(pool, "sae-b", n2).towards(a);
a.towards(b);

beforeAll(async () => await setUp());

const end = (why: SocketEnd) => SOCKET_END[why];

it("pushes as many chunks as there are credits for, and no more", async () => {
  const ksid = await opened(a, b);
  const client = await connect(a, ksid);
  client.give(3);
  await client.has(3);
  client.give(2);
  const pushed = await client.has(5);
  expect(pushed.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  for (const { index, chunk, metadata } of pushed) {
    expect(await b.chunk(ksid, index)).toBe(chunk);
    expect(metadata).toEqual({ age: expect.any(Number) as number, hops: 0 });
  }
  expect((await a.key(ksid)).indices).toEqual([5]);
  expect(client.pushed.length).toBe(5);
});

it("pushes to both ends what is the same", async () => {
  const ksid = await opened(a, b);
  const [one, other] = [await connect(a, ksid), await connect(b, ksid)];
  one.give(20);
  other.give(20);
  const chunks = (await one.has(20)).map(({ chunk }) => chunk);
  expect((await other.has(20)).map(({ chunk }) => chunk)).toEqual(chunks);
  expect(new Set(chunks).size).toBe(20);
});

it("waits for the peer", async () => {
  const { ksid } = await a.open(null, { chunkBytes: 32 });
  const client = await connect(a, ksid);
  client.give(1);
  expect((await b.open(ksid)).status).toBe("success");
  expect((await client.has(1))[0]!.chunk).toBe(await b.chunk(ksid, 0));
});

it("keeps to Max_bps", async () => {
  const ksid = await opened(a, b, { chunkBytes: 32, maxBps: 1, timeoutMs: 300 });
  const client = await connect(a, ksid);
  client.give(10);
  await client.has(1);
  expect(await a.status(ksid)).toBe("timeout");
  expect(client.pushed.length).toBe(1);
});

describe("what is on its way", () => {
  const chunkBytes = 512;
  const window = windowMessages(chunkBytes);

  it("has a bound, however many credits there are", async () => {
    const ksid = await opened(a, b, { chunkBytes });
    const client = await connect(a, ksid);
    client.give(LIMITS.streamCredits);
    await client.has(window);
    client.give(window);
    // Had the credits been enough, this one would have been pushed.
    expect((await a.key(ksid)).indices).toEqual([window]);
    expect(client.pushed.length).toBe(window);
    client.tell(2);
    expect((await client.has(window + 2)).at(-1)?.index).toBe(window + 2);
    await a.evict(ksid);
    client.tell(5);
    await client.has(window + 5);
  });

  it("holds up no object", async () => {
    const ksid = await opened(a, b, { chunkBytes });
    const client = await connect(a, ksid);
    client.give(LIMITS.streamCredits);
    await client.has(window);
    await a.evict(ksid);
    await b.close(ksid);
    client.tell();
    expect(await client.ended()).toEqual(end("drained"));
  });

  it.each([[[3]], [[2, 1]]])("is not fewer than have been sent, nor ever more: %j of two", async (receipts) => {
    const client = await connect(a, await opened(a, b));
    client.give(2);
    await client.has(2);
    for (const received of receipts) client.tell(received);
    expect(await client.ended()).toEqual(end("bad-message"));
  });
});

it("nothing goes on for a client that has gone, however long its Timeout", async () => {
  const ksid = await opened(a, b, { chunkBytes: 32, maxBps: 1, timeoutMs: 60_000 });
  const client = await connect(a, ksid);
  client.give(10);
  await client.has(1);
  client.close();
  await client.ended();
  // Only an object that is at rest can be.
  await a.evict(ksid);
});

it("goes on after its object has slept", async () => {
  const ksid = await opened(a, b);
  const client = await connect(a, ksid);
  client.give(1);
  await client.has(1);
  await a.evict(ksid);
  client.give(2);
  expect((await client.has(3)).map(({ index }) => index)).toEqual([0, 1, 2]);
});

describe("ends", () => {
  it("when the peer has closed the stream, and what was made is fetched", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid);
    const chunks = [await b.chunk(ksid, 0), await b.chunk(ksid, 1)];
    await b.close(ksid);
    client.give(50);
    expect(await client.ended()).toEqual(end("drained"));
    // The peer may have read ahead.
    expect(client.pushed.map(({ chunk }) => chunk).slice(0, 2)).toEqual(chunks);
    expect(client.pushed.length).toBeLessThan(50);
  });

  it("when the peer has closed it and nothing is left, without credits", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid);
    await b.close(ksid);
    expect(await client.ended()).toEqual(end("drained"));
  });

  it("when the peer has closed it while the object slept", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid);
    await a.evict(ksid);
    await b.close(ksid);
    expect(await client.ended()).toEqual(end("drained"));
  });

  it("when its application closes the stream", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid);
    await a.close(ksid);
    expect(await client.ended()).toEqual(end("closed"));
  });

  it("when another of the same application comes", async () => {
    const ksid = await opened(a, b);
    const [old, peer] = [await connect(a, ksid), await connect(b, ksid)];
    const client = await connect(a, ksid);
    expect(await old.ended()).toEqual(end("replaced"));
    client.give(1);
    peer.give(1);
    expect(await client.has(1)).toMatchObject([{ chunk: (await peer.has(1))[0]!.chunk }]);
  });

  it("with no chunk lost that was waited for", async () => {
    const { ksid } = await a.open(null, { chunkBytes: 32, maxBps: 256, timeoutMs: 60_000 });
    await b.open(ksid);
    const old = await connect(a, ksid);
    old.give(2);
    await old.has(1);
    const client = await connect(a, ksid);
    await old.ended();
    client.give(1);
    expect((await client.has(1)).map(({ index }) => index)).toEqual([1]);
    expect(old.pushed.length).toBe(1);
  });

  it.each(["", "credits", '{"credits":-1}', '{"credits":1,"more":true}', "[".repeat(50)])(
    "at a message like %s",
    async (text) => {
      const client = await connect(a, await opened(a, b));
      client.send(text);
      expect(await client.ended()).toEqual(end("bad-message"));
    },
  );

  it("at more credits than may be", async () => {
    const { ksid } = await a.open(null);
    const client = await connect(a, ksid);
    client.give(LIMITS.streamCredits);
    client.give(1);
    expect(await client.ended()).toEqual(end("too-many-credits"));
  });

  it("when the client goes, and the stream goes on", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid);
    client.give(1);
    await client.has(1);
    client.close();
    await client.ended();
    expect((await b.key(ksid)).indices).toEqual([0]);
  });
});

describe("is refused", () => {
  it("of streams that are not the caller's", async () => {
    const ksid = await opened(a, b);
    expect((await app(pool, "sae-a2", n1).socket(ksid)).status).toBe(404);
    const answer = await a.socket(newKsid());
    expect([answer.status, await answer.json()]).toMatchObject([404, { status: 9 }]);
    await a.close(ksid);
    expect((await a.socket(ksid)).status).toBe(404);
  });

  it("to an SAE that has very many; others are let in", () => {
    const ksid = newKsid();
    const host = { sockets: () => sockets, accept: () => undefined };
    const socketOf = (sae: SaeId) =>
      ({
        readyState: WebSocket.OPEN,
        deserializeAttachment: () => ({ call: { ...a.caller(ksid), self: { sae, node: n1 } }, credits: 0 }),
      }) as unknown as WebSocket;
    const sockets = Array.from({ length: LIMITS.streamSocketsPerSae }, () => socketOf(a.self.sae));
    const of = new Sockets({} as Halves, host);
    expect([of.isFullFor(a.self.sae), of.isFullFor(b.self.sae)]).toEqual([true, false]);
    while (sockets.length < LIMITS.streamSockets) sockets.push(socketOf("sae-c" as SaeId));
    expect(of.isFullFor(b.self.sae)).toBe(true);
  });

  it("to who wants no WebSocket", async () => {
    const ksid = newKsid();
    const answer = await streamStub(ksid, n1).fetch(new Request("https://stream.test/"));
    expect([answer.status, await answer.json()]).toMatchObject([426, {}]);
  });
});

const put = async (document: object, version: number) => {
  const headers = { "If-Match": `"${version}"` };
  const body = JSON.stringify(document);
  expect((await call("/api/v1/network", { as: "op", method: "PUT", body, headers })).status).toBe(200);
};
const revoke = async (kind: string, value: string) =>
  expect((await post("/api/v1/revocations", "op", { kind, value })).status).toBe(201);

describe("of those who may not be here any more", () => {
  it("ends: of a credential that is revoked; others stay", async () => {
    const ksid = await opened(a, b);
    const sha256 = tokenSha256(token("sae-a"));
    const [client, peer] = [
      await connect(a, ksid, { credentials: [revocationKey("token", sha256)] }),
      await connect(b, ksid),
    ];
    await a.evict(ksid);
    await revoke("token", sha256);
    expect(await client.ended()).toEqual(end("revoked"));
    const again = await connect(a, ksid, { credentials: [revocationKey("certificate", "0".repeat(64))] });
    peer.give(1);
    again.give(1);
    expect(await peer.has(1)).toMatchObject([{ chunk: (await again.has(1))[0]!.chunk }]);
  });

  it("ends: of a credential that has expired, before any key", async () => {
    const ksid = await opened(a, b);
    const client = await connect(a, ksid, { untilMs: Date.now() - 1 });
    client.give(1);
    expect([await client.ended(), client.pushed]).toEqual([end("revoked"), []]);
    const other = await connect(a, ksid, { untilMs: Date.now() + 3_600_000 });
    other.give(1);
    expect((await other.has(1))[0]?.index).toBe(0);
  });

  it("ends: of an SAE that was moved to another node", async () => {
    const sae = app(pool, "sae-a2", n1).towards(b);
    const { ksid } = await sae.open(null);
    const client = await connect(sae, ksid);
    await put(
      { ...NETWORK, saes: NETWORK.saes.map((each) => (each.id === "sae-a2" ? { ...each, node: "n2" } : each)) },
      1,
    );
    expect(await client.ended()).toEqual(end("revoked"));
  });

  it("ends: of an SAE that is revoked, and of one that comes when it was revoked a moment ago", async () => {
    const { ksid } = await a.open(null);
    const client = await connect(a, ksid);
    await revoke("principal", "sae:sae-a");
    expect(await client.ended()).toEqual(end("revoked"));
    expect(await (await connect(a, ksid)).ended()).toEqual(end("revoked"));
  });
});
