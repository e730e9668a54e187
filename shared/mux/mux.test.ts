import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { framesOf, typeOf } from "./frame.ts";
import { Mux } from "./mux.ts";
import type { Role } from "./peers.ts";
import { PEER, acceptAll, data, open, scripted } from "../../test/support/mux-scripted.ts";
import type { MuxStream } from "./stream.ts";

/** Only what `accept` grants may be sent. */
const NOTHING_EARLY = { floorWindowBytes: 0 };

describe("the life of a stream", () => {
  test("opened by a peer, served, half-closed each way", async () => {
    const { push, news, opens, mux } = scripted();
    push(open(1));
    expect(opens.map(({ slot, service }) => [slot, service])).toEqual([[PEER, "kme"]]);
    expect(news()).toEqual([]);
    const stream = opens[0]?.accept() as MuxStream;
    const creditBytes = LIMITS.tunnelFirstWindowBytes - LIMITS.tunnelFloorWindowBytes;
    expect(news()).toEqual([{ type: "accept", slot: PEER, stream: 1, creditBytes }]);
    push(data(1, new Uint8Array([1, 2]), true));
    expect(await stream.read()).toEqual(new Uint8Array([1, 2]));
    expect(await stream.read()).toBeNull();
    await stream.write(new Uint8Array([3]));
    await stream.end();
    expect(news()).toEqual([data(1, new Uint8Array([3])), { type: "fin", slot: PEER, stream: 1 }]);
    expect(await stream.closed).toEqual({ kind: "finished" });
    expect(mux.gauges.streams).toBe(0);
    expect(mux.heldBytes).toBe(0);
    await expect(stream.write(new Uint8Array(1))).rejects.toMatchObject({ name: "StreamError", code: "cancelled" });
  });

  test("opened from here: odd ids at a peer, even ones at the owner", async () => {
    for (const [role, slot, id] of [
      ["peer", 0, 1],
      ["owner", PEER, 2],
    ] as const) {
      const { mux, push, news } = scripted(role, NOTHING_EARLY);
      const opening = mux.open(slot, "kme");
      expect(news()).toMatchObject([{ type: "open", slot, stream: id, service: "kme" }]);
      push({ type: "accept", slot, stream: id, creditBytes: 5 });
      const opened = await opening;
      if (!opened.ok) throw new Error("refused");
      void opened.value.write(new Uint8Array(8));
      expect(news()).toEqual([data(id, new Uint8Array(5), false, slot)]);
      expect(mux.gauges.creditStalls).toBe(1);
      push({ type: "credit", slot, stream: id, creditBytes: 100 });
      const ending = opened.value.end();
      expect(news()).toEqual([data(id, new Uint8Array(3), false, slot), { type: "fin", slot, stream: id }]);
      await ending;
    }
  });

  test("before the answer a little may be sent, and its end", async () => {
    const { mux, push, news } = scripted("peer", { floorWindowBytes: 6 });
    const started = mux.start(0, "kme");
    if (!started.ok) throw new Error("not started");
    const stream = started.value;
    void stream.write(new Uint8Array(8));
    expect(news()).toMatchObject([{ type: "open" }, data(1, new Uint8Array(6), false, 0)]);
    push({ type: "accept", slot: 0, stream: 1, creditBytes: 5 });
    expect(news()).toEqual([data(1, new Uint8Array(2), false, 0)]);
    expect(await stream.opened).toMatchObject({ ok: true });

    const other = mux.start(0, "kme");
    if (!other.ok) throw new Error("not started");
    await other.value.end(new Uint8Array(6));
    expect(news()).toMatchObject([{ type: "open" }, data(3, new Uint8Array(6), true, 0)]);
    push({ type: "refuse", slot: 0, stream: 3, code: "dial-failed", reason: "" });
    expect(await other.value.opened).toMatchObject({ ok: false, error: { code: "dial-failed" } });
    await expect(other.value.read()).rejects.toMatchObject({ code: "dial-failed" });
  });

  test("accepted with the answer: said with its first bytes, or with credit that is needed before", async () => {
    const { push, news, opens } = scripted("owner", { floorWindowBytes: 6, firstWindowBytes: 24 });
    for (const id of [1, 3]) push(open(id));
    const [answering, reading] = opens.map((each) => each.accept("with-answer")) as [MuxStream, MuxStream];
    expect(news()).toEqual([]);
    push(data(1, new Uint8Array(2), true));
    await answering.end(new Uint8Array(3));
    expect(news()).toMatchObject([{ type: "accept", stream: 1 }, data(1, new Uint8Array(3), true)]);
    push(data(3, new Uint8Array(2)));
    expect(await reading.read()).toHaveLength(2);
    expect(news()).toEqual([]);
    push(data(3, new Uint8Array(1)));
    expect(await reading.read()).toHaveLength(1);
    expect(news()).toMatchObject([{ type: "accept", stream: 3, creditBytes: 18 }]);
    await reading.write(new Uint8Array(1));
    expect(news()).toEqual([data(3, new Uint8Array(1))]);
    push(open(5));
    const silent = opens[2]?.accept("with-answer");
    silent?.confirm();
    silent?.confirm();
    expect(news()).toMatchObject([{ type: "accept", stream: 5 }]);
  });

  test("what is sent within one go shares a message; at most so much of it", () => {
    const messages: Uint8Array[] = [];
    const due: (() => void)[] = [];
    const mux = new Mux({
      role: "peer",
      now: () => 0,
      onOpen: () => undefined,
      soon: (act) => due.push(act),
      transport: { send: (message) => void messages.push(message) },
    });
    for (const name of ["a", "b"]) {
      const started = mux.start(0, name);
      if (started.ok) void started.value.end(new Uint8Array(4));
    }
    expect(messages).toEqual([]);
    for (const act of due.splice(0)) act();
    expect(messages).toHaveLength(1);
    const types = [...framesOf(messages[0] ?? new Uint8Array())].map((frame) => typeOf(frame));
    expect(types).toEqual(["open", "ping", "open", "data", "data"]);
  });

  test("refused, with a code and words", async () => {
    const { mux, push } = scripted("peer");
    const opening = mux.open(0, "kme");
    push({ type: "refuse", slot: 0, stream: 1, code: "not-allowed", reason: "not for you" });
    expect(await opening).toEqual({ ok: false, error: { code: "not-allowed", reason: "not for you" } });
    const { push: pushOwner, opens, news } = scripted();
    pushOwner(open(1));
    opens[0]?.refuse("dial-failed", "ECONNREFUSED");
    opens[0]?.refuse("dial-failed", "twice");
    expect(news()).toEqual([{ type: "refuse", slot: PEER, stream: 1, code: "dial-failed", reason: "ECONNREFUSED" }]);
  });

  test("given up while it waits: by the opener's signal, and as seen by the one who dials", async () => {
    const { mux, news } = scripted("peer");
    const abort = new AbortController();
    const opening = mux.open(0, "kme", abort.signal);
    abort.abort();
    expect(await opening).toMatchObject({ ok: false, error: { code: "timed-out" } });
    expect(news()).toMatchObject([{ type: "open" }, { type: "reset", stream: 1, code: "timed-out" }]);
    const owner = scripted();
    owner.push(open(1));
    owner.push({ type: "reset", slot: PEER, stream: 1, code: "timed-out", reason: "" });
    expect(await owner.opens[0]?.closed).toMatchObject({ kind: "reset", by: "there", code: "timed-out" });
    const late = owner.opens[0]?.accept() as MuxStream;
    await expect(late.read()).rejects.toMatchObject({ code: "timed-out" });
    expect(owner.news()).toEqual([]);
  });

  test("reset from there: reads, writes and end reject, what was buffered is gone", async () => {
    const { mux, push, opens } = scripted("owner", {}, acceptAll);
    push(open(1, { creditBytes: 0 }));
    const stream = opens[0] as unknown as MuxStream;
    const reading = stream.read();
    const writing = stream.write(new Uint8Array(LIMITS.tunnelSendBufferBytes + 1));
    const ending = stream.end();
    push({ type: "reset", slot: PEER, stream: 1, code: "service-failed", reason: "ECONNRESET" });
    for (const each of [reading, writing, ending, stream.read(), stream.write(new Uint8Array(1))]) {
      await expect(each).rejects.toMatchObject({ name: "StreamError", code: "service-failed" });
    }
    expect(mux.gauges).toMatchObject({ resets: 1, streams: 0 });
    expect(mux.heldBytes).toBe(0);
  });

  test("only one read at a time", async () => {
    const { push, opens } = scripted("owner", {}, acceptAll);
    push(open(1));
    const stream = opens[0] as unknown as MuxStream;
    const first = stream.read();
    await expect(stream.read()).rejects.toThrow("a read is under way");
    push(data(1, new Uint8Array([7])));
    expect(await first).toEqual(new Uint8Array([7]));
  });
});

describe("the end of things", () => {
  test("a lost socket resets every stream, open or opening, and every ping", async () => {
    const { mux, push, opens } = scripted("owner", {}, acceptAll);
    push(open(1));
    const opening = mux.open(PEER, "kme");
    const ping = mux.ping(PEER);
    mux.lost("1006");
    expect(await mux.ended).toEqual({ code: "link-lost", reason: "1006" });
    expect(await opens[0]?.closed).toMatchObject({ code: "link-lost" });
    for (const each of [opening, ping, mux.open(PEER, "kme"), mux.ping(PEER)]) {
      expect(await each).toMatchObject({ ok: false, error: { code: "link-lost" } });
    }
    push(open(3));
    expect(opens).toHaveLength(1);
  });

  test("a transport that fails is a lost socket", async () => {
    for (const send of [
      () => Promise.reject(new Error("closed")),
      () => {
        throw new Error("closed");
      },
    ]) {
      const mux = new Mux({ role: "peer", now: () => 0, transport: { send }, onOpen: () => {} });
      expect(await mux.open(0, "kme")).toMatchObject({ ok: false, error: { code: "link-lost" } });
    }
  });

  test("news of a peer that is gone is answered before anything is sent to who has its slot now", async () => {
    const { mux, push, sent } = scripted("peer");
    const first = mux.open(0, "kme");
    const second = first.then(async () => await mux.open(0, "kme"));
    sent.length = 0;
    const token = new Uint8Array(8).fill(7);
    push({ type: "peer-gone", slot: 0, stream: 0, token });
    expect(sent).toEqual([{ type: "pong", slot: 0, stream: 0, token }]);
    expect(await first).toMatchObject({ ok: false, error: { code: "peer-gone" } });
    push({ type: "accept", slot: 0, stream: 1, creditBytes: 1 });
    expect(await second).toMatchObject({ ok: true });
  });

  test("a peer that is gone takes its own streams along, and its slot starts anew", async () => {
    const { push, opens, gone, news } = scripted("owner", {}, acceptAll);
    push(open(1));
    push(open(1, { slot: 6 }));
    push({ type: "peer-gone", slot: PEER, stream: 0 });
    expect(gone).toEqual([PEER]);
    expect(await opens[0]?.closed).toMatchObject({ kind: "reset", code: "peer-gone" });
    news();
    push(open(1));
    expect(news()).toMatchObject([{ type: "accept", slot: PEER, stream: 1 }]);
    push(data(1, new Uint8Array([9]), false, 6));
    expect(await (opens[1] as unknown as MuxStream).read()).toEqual(new Uint8Array([9]));
  });

  test("going away: open streams go on, new ones are refused, peers and hub are told", async () => {
    const { mux, push, opens, news } = scripted("owner", {}, acceptAll);
    push(open(1));
    news();
    mux.goAway("going-away", "update");
    const told = { type: "goaway", stream: 0, code: "going-away", reason: "update" };
    expect(news()).toEqual([
      { ...told, slot: 0 },
      { ...told, slot: PEER },
    ]);
    push(open(3));
    expect(news()).toEqual([{ type: "refuse", slot: PEER, stream: 3, code: "going-away", reason: "update" }]);
    push(data(1, new Uint8Array([1])));
    expect(await (opens[0] as unknown as MuxStream).read()).toEqual(new Uint8Array([1]));
    expect(await mux.open(PEER, "kme")).toMatchObject({ ok: false, error: { code: "going-away" } });
  });

  test("told that the other end goes away: nothing new is opened to it", async () => {
    const { mux, push, leaving, news } = scripted("peer");
    push({ type: "goaway", slot: 0, stream: 0, code: "going-away", reason: "" });
    expect(leaving).toEqual([[0, { code: "going-away", reason: "" }]]);
    expect(await mux.open(0, "kme")).toMatchObject({ ok: false, error: { code: "going-away" } });
    expect(news()).toEqual([]);
  });

  test("close resets what is open and ends the socket", async () => {
    const { mux, push, opens, news } = scripted("owner", {}, acceptAll);
    push(open(1));
    news();
    mux.close("cancelled", "stopped");
    expect(news()).toEqual([{ type: "reset", slot: PEER, stream: 1, code: "cancelled", reason: "stopped" }]);
    expect(await opens[0]?.closed).toMatchObject({ kind: "reset", by: "here" });
    expect(await mux.ended).toEqual({ code: "cancelled", reason: "stopped" });
  });
});

describe("round trips and acknowledgements", () => {
  test("a pong tells the round trip; an earlier ping without its own counts as answered", async () => {
    const { mux, push, pass, sent } = scripted("peer");
    const pings = [mux.ping(0), mux.ping(0)];
    const tokens = sent.flatMap((frame) => (frame.type === "ping" ? [frame.token] : []));
    pass(12);
    push({ type: "pong", slot: 0, stream: 0, token: new Uint8Array(8).fill(255) });
    expect(mux.gauges.rttMs).toBeNull();
    push({ type: "pong", slot: 0, stream: 0, token: tokens[1] ?? new Uint8Array(8) });
    expect(await Promise.all(pings)).toEqual([12, 12].map((value) => ({ ok: true, value })));
    expect(mux.gauges.rttMs).toBe(12);
  });

  test("unanswered pings are bounded", async () => {
    const { mux } = scripted("peer");
    for (let count = 0; count < LIMITS.tunnelPings; count++) void mux.ping(0);
    expect(await mux.ping(0)).toMatchObject({ ok: false, error: { code: "timed-out" } });
  });

  test("pings are answered with their own bytes", () => {
    const { push, news } = scripted();
    const token = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
    push({ type: "ping", slot: PEER, stream: 0, token });
    expect(news()).toEqual([{ type: "pong", slot: PEER, stream: 0, token }]);
  });

  test.each<Role>(["owner", "peer"])(
    "the hub's marks come back to it, and nothing else is acknowledged: %s",
    (role) => {
      const { push, raw, news } = scripted(role);
      const token = new Uint8Array([8, 7, 6, 5, 4, 3, 2, 1]);
      raw(new Uint8Array(LIMITS.tunnelMarkBytes));
      expect(news()).toEqual([]);
      push({ type: "mark", slot: 0, stream: 0, token });
      expect(news()).toEqual([{ type: "ack", slot: 0, stream: 0, token }]);
    },
  );
});
