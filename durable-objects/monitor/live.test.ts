import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { MonitorView } from "../../shared/api/monitor-schemas.ts";
import { LIMITS } from "../../shared/limits.ts";
import { LIVE_END } from "../../shared/monitor/live.ts";
import { LIVE_CALL_HEADER, type LiveCall, writeLiveCall } from "../../shared/monitor/rpc.ts";
import { viewOf } from "../../shared/monitor/view.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { live, type LiveClient, watch } from "../../test/support/in-workerd-live.ts";
import { call, container, EDGE, NETWORK, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { seen } from "../../test/support/monitor-samples.ts";
import { MONITOR_NAME, type ObjectsEnv } from "../env.ts";
import { type LiveHost, LiveSockets } from "./live-sockets.ts";

const monitor = () => (env as unknown as ObjectsEnv).MONITOR.getByName(MONITOR_NAME);

const operator = (id: string) => ({ id, credentials: [{ type: "token" as const, sha256: tokenSha256(token(id)) }] });
const DOCUMENT = { ...NETWORK, operators: [...NETWORK.operators, ...["revoked", "gone", "left"].map(operator)] };

beforeAll(async () => await setUp(4, DOCUMENT));

const KEY_BITS = 256;
/** Of the link n1-n2, that nobody has used. */
let leftBits = 4 * 65_536 * 8;

async function use(): Promise<void> {
  await container(await post("/api/v1/keys/sae-b/enc_keys", "sae-a", { number: 1, size: KEY_BITS }));
  leftBits -= KEY_BITS;
}
const bitsIn = ({ links = [] }: { readonly links?: MonitorView["links"] | undefined }): number | null | undefined =>
  links.find(({ id }) => id === "n1-n2")?.available_bits;
/** What a client has been told of them, in order; a pool that was too slow to answer is not known. */
const told = ({ messages }: LiveClient): readonly number[] =>
  messages.flatMap((message) => bitsIn(message.type === "view" ? message.view : message.set) ?? []);

describe("who watches", () => {
  test("is sent the view, and then what changes, whole", async () => {
    const client = await watch("op");
    await client.first();
    await expect.poll(() => told(client).at(-1)).toBe(leftBits);
    await use();
    await expect.poll(() => told(client).at(-1)).toBe(leftBits);
    const update = client.updates.find(({ set }) => bitsIn(set) === leftBits);
    expect(update).toMatchObject({ sequence: expect.any(Number), document_version: 1, name: "qkd network" });
    expect(update?.set.links?.[0]).toHaveProperty("ledger_bits");
    expect(client.messages.map(({ n }) => n)).toEqual(client.messages.map((_, at) => at + 1));
  });

  test("is sent nothing more until it has acknowledged, and then all at once", async () => {
    const client = await watch("op", false);
    await client.first();
    const quick = await watch("op");
    const before = leftBits;
    for (let key = 1; key <= 3; key++) {
      await use();
      await expect.poll(() => told(quick).at(-1)).toBe(leftBits);
    }
    expect(client.messages).toHaveLength(1);
    client.isQuick = true;
    client.ack(1);
    await expect.poll(() => told(client).at(-1)).toBe(leftBits);
    expect(told(client).filter((bits) => bits < before && bits > leftBits)).toEqual([]);
  });

  test.each([
    "x",
    '{"type":"ack","n":99}',
    '{"type":"ack","n":1,"more":1}',
    '{"type":"ack"}',
    `{"n":${" ".repeat(99)}1}`,
  ])("is out by %s", async (text) => {
    const client = await watch("op", false);
    await client.first();
    client.send(text);
    expect(await client.ended()).toEqual(LIVE_END["bad-message"]);
  });

  test("has a bounded number of sockets: the oldest makes room", async () => {
    const clients: LiveClient[] = [];
    for (let at = 0; at <= LIMITS.monitorSocketsEach; at++) clients.push(await watch("op"));
    expect(await clients[0]?.ended()).toEqual(LIVE_END.replaced);
    await clients.at(-1)?.first();
    expect(clients.slice(1).map(({ closed }) => closed)).toEqual(clients.slice(1).map(() => null));
  });
});

const enter = async (more: Partial<LiveCall["standing"]>, sessionSha256: string | null = null) => {
  const standing = { credentials: [], agent: null, untilMs: null, ...more };
  const liveCall: LiveCall = { principal: "operator:op", self: null, standing, sessionSha256 };
  const headers = { Upgrade: "websocket", [LIVE_CALL_HEADER]: writeLiveCall(liveCall) };
  const { webSocket } = await monitor().fetch(new Request(EDGE, { headers }));
  if (webSocket === null) throw new Error("no socket");
  return live(webSocket);
};

describe("who may not be there any more is out", () => {
  test("when its token is revoked; others stay", async () => {
    const [client, other] = [await watch("revoked"), await watch("op")];
    await client.first();
    await post("/api/v1/revocations", "op", { kind: "token", value: tokenSha256(token("revoked")) });
    expect(await client.ended()).toEqual(LIVE_END.revoked);
    expect(other.closed).toBeNull();
  });

  test("when the network has the operator no more, or another token for it", async () => {
    const [gone, left] = [await watch("gone"), await watch("left")];
    await Promise.all([gone.first(), left.first()]);
    const operators = [...NETWORK.operators, { ...operator("left"), credentials: operator("other").credentials }];
    const put = await call("/api/v1/network", {
      as: "op",
      method: "PUT",
      headers: { "If-Match": '"1"' },
      body: JSON.stringify({ ...NETWORK, operators }),
    });
    expect(put.status).toBe(200);
    expect(await gone.ended()).toEqual(LIVE_END.revoked);
    expect(await left.ended()).toEqual(LIVE_END.revoked);
  });

  test("when a proof expires, or its session ends", async () => {
    expect(await (await enter({ untilMs: Date.now() + 300 })).ended()).toEqual(LIVE_END.revoked);
    const [own, other] = [await enter({}, "a".repeat(64)), await enter({}, "b".repeat(64))];
    await Promise.all([own.first(), other.first()]);
    await monitor().endSession("a".repeat(64));
    expect(await own.ended()).toEqual(LIVE_END.revoked);
    expect(other.closed).toBeNull();
  });
});

test("a plain request is told what is expected", async () => {
  const refused = await call("/api/v1/monitor/live", { as: "op" });
  expect(refused.status).toBe(426);
});

describe("sockets", () => {
  const OPEN = WebSocket.OPEN;
  /** One end of a socket, by the clock of the test. */
  function standIn() {
    const sent: string[] = [];
    let attachment: unknown;
    const socket = {
      readyState: OPEN,
      sent,
      closed: 0,
      send: (text: string) => sent.push(text),
      close: (code: number) => {
        socket.readyState = WebSocket.CLOSED;
        socket.closed = code;
      },
      serializeAttachment: (value: unknown) => (attachment = value),
      deserializeAttachment: () => attachment,
    };
    return socket;
  }
  function room() {
    const all: ReturnType<typeof standIn>[] = [];
    const clock = { nowMs: 0 };
    const host: LiveHost = {
      sockets: () => all as unknown as WebSocket[],
      accept: (socket) => all.push(socket as unknown as ReturnType<typeof standIn>),
      newId: () => String(all.length),
      nowMs: () => clock.nowMs,
    };
    const sockets = new LiveSockets(host);
    const restarted = () => new LiveSockets(host);
    const admit = (principal: string) => {
      const socket = standIn();
      const standing = { credentials: [], agent: null, untilMs: null };
      sockets.admit(socket as unknown as WebSocket, { principal, self: null, standing, sessionSha256: null });
      return socket;
    };
    const ack = (socket: object, n: number, view: MonitorView | null = null) =>
      sockets.heard(socket as WebSocket, JSON.stringify({ type: "ack", n }), view);
    return { sockets, restarted, admit, ack, clock, all };
  }
  const view = viewOf(seen());

  test("of who says nothing for long are ended; of who has nothing to hear are told so at times", () => {
    const { sockets, admit, ack, clock } = room();
    const [silent, quiet] = [admit("operator:a"), admit("operator:b")];
    sockets.publish(view);
    ack(quiet, 1);
    clock.nowMs = LIMITS.monitorIdleMs - 1;
    sockets.publish(view);
    expect(quiet.sent).toHaveLength(1);
    clock.nowMs = LIMITS.monitorIdleMs;
    sockets.publish(view);
    expect(JSON.parse(quiet.sent[1] ?? "")).toMatchObject({ type: "update", n: 2, set: {}, gone: {} });
    ack(quiet, 2);
    clock.nowMs = LIMITS.monitorSilentMs;
    sockets.publish(view);
    expect([silent.closed, quiet.closed]).toEqual([LIVE_END.silent.code, 0]);
  });

  test("begin anew with the whole view once the object has started anew, with the numbers going on", () => {
    const { sockets, restarted, admit, ack } = room();
    const [socket, late] = [admit("operator:a"), admit("operator:b")];
    sockets.publish(view);
    ack(socket, 1);
    const after = restarted();
    after.publish(view);
    expect(socket.sent.map((text) => (JSON.parse(text) as { type: string; n: number }).n)).toEqual([1, 2]);
    expect(JSON.parse(socket.sent[1] ?? "")).toMatchObject({ type: "view" });
    // What it had not acknowledged before.
    after.heard(late as unknown as WebSocket, JSON.stringify({ type: "ack", n: 1 }), view);
    expect([late.closed, late.sent.length]).toEqual([0, 2]);
  });

  test("are told once a second at most, however quick", () => {
    const { sockets, admit, ack, clock } = room();
    const socket = admit("operator:a");
    sockets.publish(view);
    const changed = { ...view, links: [] };
    ack(socket, 1, changed);
    expect(socket.sent).toHaveLength(1);
    clock.nowMs = LIMITS.monitorWatchedMs;
    ack(socket, 1, changed);
    expect(JSON.parse(socket.sent[1] ?? "")).toMatchObject({ set: {}, gone: { links: ["ab", "bc", "bf"] } });
  });

  test("are as many as may be, those that are over and not closed by their clients among them", () => {
    const { sockets, admit, all } = room();
    for (let at = 0; at < LIMITS.monitorSockets; at++) admit(`operator:${at % 8}`);
    expect([sockets.isFullFor("operator:x"), all.length]).toEqual([true, LIMITS.monitorSockets]);
    sockets.end("revoked", () => true);
    expect([sockets.isFullFor("operator:x"), sockets.calls.length]).toEqual([true, 0]);
  });

  test("of one operator who closes none of them leave room for others", () => {
    const { sockets, admit } = room();
    let count = 0;
    for (; count < LIMITS.monitorSockets && !sockets.isFullFor("operator:a"); count++) {
      const close = { close: () => undefined };
      Object.assign(admit("operator:a"), close);
    }
    expect([count, sockets.calls.length]).toEqual([2 * LIMITS.monitorSocketsEach, LIMITS.monitorSocketsEach]);
    expect(sockets.isFullFor("operator:b")).toBe(false);
  });
});
