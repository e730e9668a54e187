import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { DIRECTORY_NAME, type ObjectsEnv } from "../../durable-objects/env.ts";
import { RoomSockets } from "../../durable-objects/room/sockets.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { ROOM_CALL_HEADER, type RoomCall, roomName, writeRoomCall } from "../../shared/room/types.ts";
import { PING, ROOM_END, ROOM_PROTOCOL } from "../../shared/room/wire.ts";
import { call, EDGE, errorOf, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { enter, RoomClient, upgrade } from "../../test/support/in-workerd-rooms.ts";

const ODD = "urn:sae/é %2F..";
const REMOTE = {
  url: "https://other.example",
  ed25519: `${"A".repeat(43)}=`,
  ml_dsa_65: `${"A".repeat(2603)}=`,
  saes: ["sae-r"],
};
const GOING = {
  id: "going",
  node: "n1",
  credentials: [{ type: "token" as const, sha256: tokenSha256(token("going")) }],
};
const DOCUMENT = {
  ...NETWORK,
  nodes: [...NETWORK.nodes, { id: "r1", remote: REMOTE }],
  saes: [...NETWORK.saes, GOING],
};

beforeAll(async () => await setUp(0, DOCUMENT));

const frame = (bytes: number, fill = 7): Uint8Array => new Uint8Array(bytes).fill(fill);
const FOR_EVER = { credentials: [], agent: null, untilMs: null };
const roomOf = (a: string, b: string) =>
  (env as unknown as ObjectsEnv).ROOM.getByName(roomName(a as SaeId, b as SaeId));

describe("two in a room", () => {
  test("hear of each other, and get each other's frames as they are", async () => {
    const a = await enter("sae-a", "sae-b");
    await expect
      .poll(() => a.texts)
      .toEqual([
        { type: "peer", present: false },
        { type: "credit", bytes: LIMITS.roomWindowBytes },
      ]);
    const b = await enter("sae-b", "sae-a");
    await expect.poll(() => [a.presence, b.presence]).toEqual([[false, true], [true]]);
    const sent = frame(LIMITS.roomFrameBytes).map((_, at) => at % 251);
    a.send(sent);
    b.send(frame(LIMITS.roomFrameMinBytes));
    expect((await b.has(1))[0]).toEqual(sent);
    expect((await a.has(1))[0]).toEqual(frame(LIMITS.roomFrameMinBytes));
    a.close();
    await expect.poll(() => b.presence).toEqual([true, false]);
  });

  test("may have any names, and nobody else's frames reach them", async () => {
    const [a, odd, b] = [await enter("sae-a", ODD), await enter("odd", "sae-a"), await enter("sae-b", "sae-a")];
    a.send(frame(100));
    await odd.has(1);
    expect([b.frames, b.presence]).toEqual([[], [false]]);
  });

  test("wait for each other: no more goes than is taken", async () => {
    const [a, b] = [await enter("sae-a", "sae-b"), await enter("sae-b", "sae-a")];
    const bytes = 64 * 1024;
    const frames = LIMITS.roomWindowBytes / bytes;
    for (let at = 0; at < frames; at++) a.send(frame(bytes));
    await b.has(frames);
    b.taken(bytes);
    await expect.poll(() => a.creditBytes).toBe(LIMITS.roomWindowBytes + bytes);
    a.send(frame(bytes));
    await b.has(frames + 1);
    a.send(frame(LIMITS.roomFrameMinBytes));
    expect(await a.ended()).toEqual(ROOM_END["no-credit"]);
    expect(b.frames).toHaveLength(frames + 1);
  });

  test("go on after the room has slept", async () => {
    const [a, b] = [await enter("sae-a", "sae-b"), await enter("sae-b", "sae-a")];
    a.send(frame(1000));
    await b.has(1);
    await evictDurableObject(roomOf("sae-a", "sae-b") as never);
    a.send(frame(2000));
    await b.has(2);
    b.taken(3001);
    expect(await b.ended()).toEqual(ROOM_END["bad-taken"]);
  });

  test("are answered their pings; who has stopped to ping is gone once something is to be passed on", async () => {
    const [a, b] = [await enter("sae-a", "sae-b"), await enter("sae-b", "sae-a")];
    b.send(PING);
    await expect.poll(() => b.texts).toContainEqual({ type: "pong" });
    a.send(frame(100));
    await b.has(1);
    await runInDurableObject(roomOf("sae-a", "sae-b") as never, (_: unknown, state: DurableObjectState) => {
      const later = new RoomSockets({
        sockets: () => state.getWebSockets(),
        accept: () => undefined,
        pingedMs: (socket) => state.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? null,
        nowMs: () => Date.now() + LIMITS.roomSilentMs,
      });
      const [of] = state.getWebSockets().filter((socket) => state.getWebSocketAutoResponseTimestamp(socket) === null);
      later.heard(of!, frame(100).buffer as ArrayBuffer);
    });
    expect(await b.ended()).toEqual(ROOM_END.silent);
    await expect.poll(() => a.presence).toEqual([false, true, false]);
  });

  test("leave nothing behind", async () => {
    await runInDurableObject(roomOf("sae-a", "sae-b") as never, async (_: unknown, { storage }: DurableObjectState) => {
      expect((await storage.list()).size).toBe(0);
      const tables = storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'");
      expect(tables.toArray()).toEqual([]);
    });
  });

  test("are not told of changes once they are empty", async () => {
    const directory = (env as unknown as ObjectsEnv).DIRECTORY.getByName(DIRECTORY_NAME);
    const told = async (): Promise<unknown> =>
      await runInDurableObject(directory as never, (_: unknown, { storage }: DurableObjectState) =>
        storage.sql.exec("SELECT name FROM room").toArray(),
      );
    const a = await enter("sae-a", "sae-b");
    await expect.poll(told).toEqual([{ name: roomName("sae-a" as SaeId, "sae-b" as SaeId) }]);
    a.close();
    await expect.poll(told).toEqual([]);
  });
});

describe("one alone", () => {
  test("has its frames dropped, and the credit for them back", async () => {
    const a = await enter("sae-a", "sae-a2");
    for (let at = 0; at < 20; at++) {
      a.send(frame(LIMITS.roomCreditBytes));
      await expect.poll(() => a.creditBytes).toBe(LIMITS.roomWindowBytes + (at + 1) * LIMITS.roomCreditBytes);
    }
    const b = await enter("sae-a2", "sae-a");
    await expect.poll(() => a.presence).toEqual([false, true]);
    expect(b.frames).toEqual([]);
  });

  test("has back what a peer who left had not taken", async () => {
    const [a, b] = [await enter("sae-a", "sae-a2"), await enter("sae-a2", "sae-a")];
    a.send(frame(LIMITS.roomFrameBytes));
    await b.has(1);
    b.close();
    await expect.poll(() => a.creditBytes).toBe(LIMITS.roomWindowBytes + LIMITS.roomFrameBytes);
  });

  test("is where it was last: a newer socket takes the place of the older", async () => {
    const [older, b] = [await enter("sae-a", "sae-b"), await enter("sae-b", "sae-a")];
    older.send(frame(1000));
    await b.has(1);
    const newer = await enter("sae-a", "sae-b");
    expect(await older.ended()).toEqual(ROOM_END.replaced);
    await expect.poll(() => b.presence).toEqual([true, false, true]);
    // The first of the older one's is still on its way.
    await expect.poll(() => newer.creditBytes).toBe(LIMITS.roomWindowBytes - 1000);
    b.send(frame(500));
    await newer.has(1);
    expect(older.frames).toEqual([]);
  });

  test.each<[keyof typeof ROOM_END, string | Uint8Array]>([
    ["bad-message", "x"],
    ["bad-message", '{"type":"credit","bytes":1}'],
    ["bad-taken", '{"type":"taken","bytes":1}'],
    ["too-small", frame(LIMITS.roomFrameMinBytes - 1)],
    ["too-large", frame(LIMITS.roomFrameBytes + 1)],
  ])("is out by what is %s", async (why, message) => {
    const a = await enter("sae-a", "sae-d");
    a.send(message);
    expect(await a.ended()).toEqual(ROOM_END[why]);
  });
});

test("an SAE that leaves one socket after the other open gets no more of them", async () => {
  const room = roomOf("sae-b2", "sae-a2");
  const roomCall = { principal: "sae:sae-b2", self: { sae: "sae-b2", node: "n2" }, peer: "sae-a2", standing: FOR_EVER };
  const headers = { Upgrade: "websocket", [ROOM_CALL_HEADER]: writeRoomCall(roomCall as unknown as RoomCall) };
  const statuses: number[] = [];
  const left: (WebSocket | null)[] = [];
  for (let at = 0; at <= LIMITS.roomSocketsPerSae; at++) {
    const { status, webSocket } = await room.fetch(new Request(EDGE, { headers }));
    statuses.push(status);
    left.push(webSocket);
  }
  expect(statuses).toEqual([...Array<number>(LIMITS.roomSocketsPerSae).fill(101), 503]);
  for (const socket of left) {
    socket?.accept();
    socket?.close();
  }
});

describe("a room is not for", () => {
  test.each([
    ["sae-a", "sae-a", 400, "path peer_SAE_ID: is the calling SAE itself"],
    ["sae-a", "sae-z", 400, "no such peer SAE"],
    ["sae-a", "sae-r", 400, "the peer SAE is of another deployment"],
    ["op", "sae-a", 403, "you may not do this (rooms.use)"],
    ["agent-1", "sae-a", 403, "you may not do this (rooms.use)"],
  ])("%s with %s", async (as, peer, status, message) => {
    const refused = await upgrade(`/api/v1/rooms/${peer}`, { Authorization: `Bearer ${token(as)}` });
    expect([refused.status, (await errorOf(refused)).message]).toEqual([status, message]);
  });

  test("nobody, nor for plain requests", async () => {
    expect((await upgrade("/api/v1/rooms/sae-b", {})).status).toBe(401);
    expect((await call("/api/v1/rooms/sae-b", { as: "sae-a" })).status).toBe(426);
  });
});

const offering = async (...protocols: string[]) =>
  await upgrade("/api/v1/rooms/sae-b2", { "Sec-WebSocket-Protocol": protocols.join(", ") });

describe("a browser's token", () => {
  test("comes as a subprotocol, which is not the one that is answered", async () => {
    const opened = await offering(ROOM_PROTOCOL, `bearer.${token("sae-a")}`);
    expect([opened.status, opened.headers.get("Sec-WebSocket-Protocol")]).toEqual([101, ROOM_PROTOCOL]);
    if (opened.webSocket !== null) new RoomClient(opened.webSocket).close();
  });

  test.each([
    ["nobody's", ["bearer.x"]],
    ["two", [`bearer.${token("sae-a")}`, `bearer.${token("sae-a")}`]],
    ["malformed", ["bearer."]],
  ])("counts for nobody if it is %s", async (_, protocols) => {
    expect((await offering(ROOM_PROTOCOL, ...protocols)).status).toBe(401);
  });

  test("comes one way only, and with nothing but a WebSocket", async () => {
    const protocols = { "Sec-WebSocket-Protocol": `${ROOM_PROTOCOL}, bearer.${token("sae-a")}` };
    const twice = await upgrade("/api/v1/rooms/sae-b2", { ...protocols, Authorization: `Bearer ${token("sae-a")}` });
    expect(twice.status).toBe(401);
    expect((await call("/api/v1/whoami", { headers: protocols })).status).toBe(401);
  });
});

describe("who may not be there any more is out", () => {
  test("when a proof expires", async () => {
    const roomCall: RoomCall = {
      principal: "sae:sae-b2",
      self: { sae: "sae-b2" as SaeId, node: "n2" as NodeId },
      peer: "sae-d" as SaeId,
      standing: { credentials: [], agent: null, untilMs: Date.now() + 300 },
    };
    const headers = { Upgrade: "websocket", [ROOM_CALL_HEADER]: writeRoomCall(roomCall) };
    const { webSocket } = await roomOf("sae-b2", "sae-d").fetch(new Request(EDGE, { headers }));
    expect(webSocket).not.toBeNull();
    if (webSocket !== null) expect(await new RoomClient(webSocket).ended()).toEqual(ROOM_END.revoked);
  });

  test("when its token is revoked, or the SAE has left the network; others stay", async () => {
    const [b2, b] = [await enter("sae-b2", "sae-b"), await enter("sae-b", "sae-b2")];
    const going = await enter("going", "sae-b");
    await post("/api/v1/revocations", "op", { kind: "token", value: tokenSha256(token("sae-b2")) });
    expect(await b2.ended()).toEqual(ROOM_END.revoked);
    await expect.poll(() => b.presence).toEqual([true, false]);
    const put = await call("/api/v1/network", {
      as: "op",
      method: "PUT",
      headers: { "If-Match": '"1"' },
      body: JSON.stringify({ ...DOCUMENT, saes: NETWORK.saes }),
    });
    expect(put.status).toBe(200);
    expect(await going.ended()).toEqual(ROOM_END.revoked);
    expect(b.closed).toBeNull();
  });
});
