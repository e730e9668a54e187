import fc from "fast-check";
import { expect, test } from "vitest";
import { RelayWindow } from "./relay-window.ts";

const SPAN = 64 * 1024;

/** One entry a frame: what the account stands for. */
class Model {
  frames: { source: number; endBytes: number; bytes: number }[] = [];
  sentBytes = 0;
  acknowledgedBytes = 0;

  waitingOf(source: number): number {
    return this.frames
      .filter((frame) => frame.source === source && frame.endBytes > this.acknowledgedBytes)
      .reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("sent" as const),
    source: fc.nat(5),
    bytes: fc.oneof(fc.integer({ min: 8, max: 200 }), fc.integer({ min: 8, max: 65_544 })),
  }),
  fc.record({ kind: fc.constant("ack" as const), part: fc.double({ min: 0, max: 1.2, noNaN: true }) }),
  fc.record({ kind: fc.constant("sleep" as const) }),
);

test("the total is exact, shares are right to a span or two, and a sleep changes neither", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      let account = new RelayWindow();
      const model = new Model();
      for (const each of steps) {
        if (each.kind === "sent") {
          account.sent(each.source, each.bytes);
          model.sentBytes += each.bytes;
          model.frames.push({ source: each.source, bytes: each.bytes, endBytes: model.sentBytes });
        } else if (each.kind === "ack") {
          const total = Math.floor(model.acknowledgedBytes + (model.sentBytes - model.acknowledgedBytes) * each.part);
          expect(account.acknowledged(total)).toBe(total <= model.sentBytes);
          if (total <= model.sentBytes) model.acknowledgedBytes = total;
        } else {
          account = new RelayWindow(structuredClone(account.snapshot()));
        }
        expect(account.waitingBytes).toBe(model.sentBytes - model.acknowledgedBytes);
      }
      const slept = steps.some(({ kind }) => kind === "sleep");
      if (!slept && account.waitingBytes > 0) {
        const most = Math.max(...[0, 1, 2, 3, 4, 5].map((source) => model.waitingOf(source)));
        const named = account.largestSource();
        expect(named).not.toBeNull();
        expect(model.waitingOf(named ?? -1)).toBeGreaterThanOrEqual(most - 2 * SPAN);
      }
      account.acknowledged(model.sentBytes);
      expect(account.largestSource()).toBeNull();
      expect(account.snapshot().shares).toEqual([]);
    }),
  );
});

test("data stops at the window, control frames at the slack, and the flooder is named", () => {
  const account = new RelayWindow(undefined, { windowBytes: 1000, slackBytes: 100 });
  account.sent(3, 100);
  account.sent(7, 800);
  expect(account.admits(100, true)).toBe(true);
  expect(account.admits(101, true)).toBe(false);
  expect(account.admits(200, false)).toBe(true);
  expect(account.admits(201, false)).toBe(false);
  expect(account.largestSource()).toBe(7);
});

test("an ack of what was never sent is refused and changes nothing; an old one changes nothing", () => {
  const account = new RelayWindow();
  account.sent(1, 500);
  expect(account.acknowledged(501)).toBe(false);
  expect(account.waitingBytes).toBe(500);
  expect(account.acknowledged(300)).toBe(true);
  expect(account.acknowledged(100)).toBe(true);
  expect(account.waitingBytes).toBe(200);
});

test("a snapshot fits an attachment, however many sources and frames", () => {
  const account = new RelayWindow();
  for (let frame = 0; frame < 100_000; frame++) account.sent(frame % 1000, 8 + (frame % 1000 === 42 ? 50 : 0));
  const snapshot = account.snapshot();
  expect(JSON.stringify(snapshot).length).toBeLessThan(400);
  expect(new RelayWindow(snapshot).largestSource()).toBe(42);
});
