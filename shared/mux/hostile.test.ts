import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { encodeFrame } from "./encode.ts";
import { FRAME_TYPES, type Frame } from "./frame.ts";
import type { Role } from "./peers.ts";
import { PEER, acceptAll, data, open, scripted } from "../../test/support/mux-scripted.ts";
import type { MuxStream } from "./stream.ts";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const reset = (stream: number, code: string) => ({ type: "reset", slot: PEER, stream, code, reason: "" });

describe("frames from hell", () => {
  test("more data than credit resets the stream, and is counted", async () => {
    const { push, opens, news, mux } = scripted("owner", { firstWindowBytes: 5000 }, acceptAll);
    push(open(1));
    push(open(3));
    news();
    push(data(1, new Uint8Array(5000)));
    push(data(1, new Uint8Array(1)));
    expect(news()).toEqual([reset(1, "credit-exceeded")]);
    expect(await opens[0]?.closed).toMatchObject({ by: "here", code: "credit-exceeded" });
    expect(mux.gauges).toMatchObject({ creditExceeded: 1, streams: 1 });
    push(data(1, new Uint8Array(60_000)));
    expect(news()).toEqual([]); // it crossed the reset on its way
    expect(mux.heldBytes).toBe(5000);
  });

  test("data before accept has credit for a little, and no more", () => {
    const { push, news, mux } = scripted();
    push(open(1));
    push(data(1, new Uint8Array(LIMITS.tunnelFloorWindowBytes)));
    expect(news()).toEqual([]);
    push(data(1, new Uint8Array(1)));
    expect(news()).toMatchObject([{ type: "refuse", stream: 1, code: "credit-exceeded" }]);
    expect(mux.heldBytes).toBe(0);
  });

  test("what is unread keeps no more memory than it says, however it was sent", async () => {
    const { push, raw, opens } = scripted("owner", {}, acceptAll);
    push(open(1));
    const padding = Array.from({ length: 4000 }, () => [...encodeFrame({ type: "fin", slot: 9, stream: 1 })]).flat();
    const frame = [...encodeFrame(data(1, new Uint8Array(2000)))];
    for (let count = 0; count < 3; count++) raw(Uint8Array.from([...padding, ...frame, ...padding]));
    const stream = opens[0]?.accept() as MuxStream;
    for (let count = 0; count < 3; count++) {
      const chunk = await stream.read();
      expect(chunk).toHaveLength(2000);
      expect(chunk?.buffer.byteLength).toBeLessThanOrEqual(4000);
    }
  });

  test.each<[string, Frame]>([
    ["data", data(7, new Uint8Array(9))],
    ["fin", { type: "fin", slot: PEER, stream: 7 }],
    ["accept", { type: "accept", slot: PEER, stream: 2, creditBytes: 1 }],
    ["credit", { type: "credit", slot: PEER, stream: 2, creditBytes: 1 }],
  ])("%s on a stream that never was is answered by a reset", (_, frame) => {
    const { push, news, mux } = scripted("owner", {}, acceptAll);
    push(frame);
    expect(news()).toEqual([reset(frame.stream, "unknown-stream")]);
    expect(mux.gauges.faults).toBe(1);
  });

  test("a reset of what never was gets no answer, so that two muxes do not reset each other for ever", () => {
    const { push, news } = scripted();
    push({ type: "reset", slot: PEER, stream: 7, code: "unknown-stream", reason: "" });
    expect(news()).toEqual([]);
  });

  test.each<[string, Frame]>([
    ["an id that is open", open(5)],
    ["an id that was passed over", open(3)],
    ["the parity of this end", open(2)],
    ["accept of what it opened itself", { type: "accept", slot: PEER, stream: 5, creditBytes: 1 }],
    ["refuse of it", { type: "refuse", slot: PEER, stream: 5, code: "cancelled", reason: "" }],
    ["more credit than can be meant", { type: "credit", slot: PEER, stream: 5, creditBytes: 0xffff_ffff }],
  ])("protocol error: %s", (_, frame) => {
    const { push, news, mux, opens } = scripted("owner", {}, acceptAll);
    push(open(5));
    news();
    push(frame);
    expect(news()).toEqual([reset(frame.stream, "protocol-error")]);
    expect(mux.gauges).toMatchObject({ faults: 1, streams: frame.stream === 5 ? 0 : 1 });
    expect(opens).toHaveLength(1);
  });

  test("data after the last", () => {
    const { push, news } = scripted("owner", {}, acceptAll);
    push(open(1));
    push(data(1, new Uint8Array(1), true));
    news();
    push(data(1, new Uint8Array(0)));
    expect(news()).toEqual([reset(1, "protocol-error")]);
  });

  test("a broken frame takes the stream that it names, and no other", async () => {
    const { push, raw, news, opens } = scripted("owner", {}, acceptAll);
    push(open(1));
    push(open(3));
    news();
    const broken = encodeFrame({ type: "credit", slot: PEER, stream: 3, creditBytes: 1 }).subarray(0, 10);
    raw(broken);
    expect(news()).toEqual([reset(3, "protocol-error")]);
    raw(new Uint8Array(LIMITS.tunnelFrameBytes * 4));
    push(data(1, new Uint8Array([1])));
    expect(await (opens[0] as unknown as MuxStream).read()).toEqual(new Uint8Array([1]));
  });

  test("slots that cannot be are dropped without an answer", () => {
    const peer = scripted("peer", {}, acceptAll);
    peer.push(open(2, { slot: PEER }));
    const owner = scripted("owner", {}, acceptAll);
    owner.push(open(1, { slot: 0 }));
    owner.push({ type: "peer-gone", slot: 0, stream: 0 });
    for (const { mux, opens, news, gone } of [peer, owner]) {
      expect([opens, gone, news()]).toEqual([[], [], []]);
      expect(mux.gauges.faults).toBeGreaterThan(0);
    }
  });

  test("one peer does not reach another's stream of the same id", async () => {
    const { push, opens, news } = scripted("owner", {}, acceptAll);
    push(open(1));
    news();
    push(data(1, new Uint8Array(3), true, 6));
    push({ type: "reset", slot: 6, stream: 1, code: "cancelled", reason: "" });
    expect(news()).toEqual([{ ...reset(1, "unknown-stream"), slot: 6 }]);
    push(data(1, new Uint8Array([4])));
    expect(await (opens[0] as unknown as MuxStream).read()).toEqual(new Uint8Array([4]));
  });

  test("an open flood: so many wait, so many are open, the rest is refused; other peers are not hit", () => {
    const waiting = scripted("owner", { waitingOpens: 4 });
    for (let id = 1; id < 20; id += 2) waiting.push(open(id));
    expect(waiting.opens).toHaveLength(4);
    expect(waiting.news()).toHaveLength(6);
    waiting.push(open(1, { slot: 6 }));
    expect(waiting.opens).toHaveLength(5);

    const many = scripted("owner", { streams: 6, streamsPerSlot: 4 }, acceptAll);
    for (let id = 1; id < 20; id += 2) many.push(open(id));
    for (let id = 1; id < 20; id += 2) many.push(open(id, { slot: 6 }));
    expect(many.mux.gauges).toMatchObject({ streams: 6, refused: 14 });
    expect(many.news().filter((frame) => frame.type === "refuse" && frame.code === "too-many-streams")).toHaveLength(
      14,
    );
  });

  test("streams that are over, accepted or refused, count no longer", () => {
    const { push, opens, mux } = scripted("owner", { streamsPerSlot: 3, waitingOpens: 2 });
    for (let id = 1; id < 60; id += 6) {
      push(open(id));
      opens.at(-1)?.refuse("not-allowed");
      push(open(id + 2));
      push({ type: "reset", slot: PEER, stream: id + 2, code: "cancelled", reason: "" });
      push(open(id + 4));
      opens.at(-1)?.accept().reset("cancelled");
    }
    expect(opens).toHaveLength(30);
    expect(mux.gauges).toMatchObject({ refused: 0, streams: 0, resets: 30 });
  });

  test("who floods and does not read our answers gets no more of them", async () => {
    const { push, block, sent, news, opens } = scripted("owner", { controlFrames: 50, aheadBytes: 1 }, acceptAll);
    const unblock = block();
    for (let id = 1; id < 4000; id += 2) {
      push(open(id));
      push({ type: "reset", slot: PEER, stream: id, code: "cancelled", reason: "" });
      push({ type: "ping", slot: PEER, stream: 0, token: new Uint8Array(8) });
      push(data(id + 100_000, new Uint8Array(1)));
    }
    push(open(1, { slot: 6 }));
    expect(opens.length).toBeLessThanOrEqual(52);
    expect(sent.length).toBeLessThanOrEqual(2);
    unblock();
    await settle();
    const frames = news();
    expect(frames.length).toBeLessThanOrEqual(52);
    expect(frames.at(-1)).toMatchObject({ type: "accept", slot: 6 });
  });

  test("a flood of marks is answered as far as the answers are taken", async () => {
    const { push, block, sent, news } = scripted("peer", { controlFrames: 50, aheadBytes: 1 });
    const unblock = block();
    for (let count = 0; count < 1000; count++) push({ type: "mark", slot: 0, stream: 0, token: new Uint8Array(8) });
    expect(sent).toHaveLength(1);
    unblock();
    await settle();
    expect(news()).toHaveLength(51);
  });

  test("a window full of frames of one byte is kept in few pieces", async () => {
    const { push, opens, mux } = scripted("owner", {}, acceptAll);
    push(open(1));
    for (let count = 0; count < LIMITS.tunnelFirstWindowBytes; count++) push(data(1, new Uint8Array([count & 0xff])));
    const stream = opens[0] as unknown as MuxStream;
    let chunks = 0;
    for (let at = 0; at < LIMITS.tunnelFirstWindowBytes; chunks++) {
      for (const byte of (await stream.read()) ?? []) expect(byte).toBe(at++ & 0xff);
    }
    expect(chunks).toBeLessThan(100);
    expect(mux.gauges.creditExceeded).toBe(0);
  });

  const types = Object.values(FRAME_TYPES).map(({ wire }) => wire);
  /** Frames with plausible heads and any payload: most pass the first checks. */
  const plausible = fc
    .record({
      slot: fc.constantFrom(0, PEER, 6, 0xffff),
      type: fc.oneof(fc.constantFrom(...types), fc.nat(255)),
      flags: fc.constantFrom(0, 0, 0, 1, 2),
      stream: fc.oneof(fc.nat(8), fc.nat(0xffff_ffff)),
      payload: fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 8 }), fc.uint8Array({ maxLength: 80 })),
    })
    .map(({ slot, type, flags, stream, payload }) => {
      const bytes = new Uint8Array(8 + payload.length);
      bytes.set([slot >> 8, slot & 0xff, type, flags, stream >>> 24, stream >>> 16, stream >>> 8, stream]);
      bytes.set(payload, 8);
      return bytes;
    });

  test("whatever arrives, in whatever order: nothing throws, everything stays within bounds", async () => {
    const limits = { streams: 8, streamsPerSlot: 4, waitingOpens: 2, receiveBudgetBytes: 64 * 1024 };
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Role>("owner", "peer"),
        fc.array(fc.oneof(plausible, fc.uint8Array({ maxLength: 40 })), { maxLength: 120 }),
        fc.infiniteStream(fc.nat(9)),
        async (role, frames, choices) => {
          const live: MuxStream[] = [];
          const { mux, raw, opens } = scripted(role, limits);
          for (const bytes of frames) {
            raw(bytes);
            const choice = choices.next().value ?? 0;
            if (choice === 0) opens.at(-1)?.refuse("not-allowed");
            else if (choice < 4 && opens.length > 0) live.push(opens.at(-1)?.accept() as MuxStream);
            else if (choice === 4) void mux.open(role === "peer" ? 0 : PEER, "kme");
            else if (choice === 5)
              live
                .at(-1)
                ?.write(new Uint8Array(10))
                .catch(() => {});
            expect(mux.heldBytes).toBeLessThanOrEqual(limits.receiveBudgetBytes);
            expect(mux.gauges.streams).toBeLessThanOrEqual(limits.streams);
          }
          mux.lost("over");
          expect(mux.heldBytes).toBe(0);
          expect(mux.gauges.streams).toBe(0);
          for (const each of opens) await each.closed;
        },
      ),
      { numRuns: 400 },
    );
  });
});
