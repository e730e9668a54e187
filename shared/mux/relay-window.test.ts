import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../limits.ts";
import { RelayWindow } from "./relay-window.ts";

const SPAN = 64 * 1024;
const SOURCES = [0, 1, 2, 3, 4, 5];
/** Of a hibernating socket. */
const ATTACHMENT_BYTES = 16 * 1024;
const LITTLE = { windowBytes: 1000, slackBytes: 100, markBytes: 400 };

const tokenOf = (number: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, number >> 8, number);

/** One entry a frame: what the account stands for. */
class Model {
  frames: { source: number; endBytes: number; bytes: number }[] = [];
  marks: { number: number; endBytes: number }[] = [];
  marksEver = 0;
  sentBytes = 0;
  acknowledgedBytes = 0;

  sent(source: number, bytes: number): void {
    this.sentBytes += bytes;
    this.frames.push({ source, bytes, endBytes: this.sentBytes });
  }

  marked(): Uint8Array {
    const number = this.marksEver++;
    this.marks.push({ number, endBytes: this.sentBytes });
    return tokenOf(number);
  }

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
  fc.record({ kind: fc.constant("ack" as const), index: fc.nat(3) }),
  fc.record({ kind: fc.constant("guess" as const), number: fc.nat(400) }),
  fc.record({ kind: fc.constant("sleep" as const) }),
);

test("the total is exact to the last mark, shares to a span or two, and a sleep changes neither", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      let account = new RelayWindow();
      const model = new Model();
      for (const each of steps) {
        if (each.kind === "sent") {
          account.sent(each.source, each.bytes);
          model.sent(each.source, each.bytes);
          if (account.isMarkDue) account.marked(model.marked());
        } else if (each.kind === "ack") {
          const mark = model.marks[each.index];
          if (mark !== undefined) {
            expect(account.acknowledged(tokenOf(mark.number))).toBe(true);
            model.marks.splice(0, each.index + 1);
            model.acknowledgedBytes = mark.endBytes;
          }
        } else if (each.kind === "guess") {
          const isOutstanding = model.marks.some(({ number }) => number === each.number);
          if (!isOutstanding) expect(account.acknowledged(tokenOf(each.number))).toBe(false);
        } else {
          account = new RelayWindow(structuredClone(account.snapshot()));
        }
        expect(account.waitingBytes).toBe(model.sentBytes - model.acknowledgedBytes);
        const unmarkedBytes = model.sentBytes - (model.marks.at(-1)?.endBytes ?? model.acknowledgedBytes);
        expect(unmarkedBytes).toBeLessThan(LIMITS.tunnelMarkBytes);
      }
      const slept = steps.some(({ kind }) => kind === "sleep");
      if (!slept && account.waitingBytes > 0) {
        const most = Math.max(...SOURCES.map((source) => model.waitingOf(source)));
        const named = account.largestSource();
        expect(named).not.toBeNull();
        expect(model.waitingOf(named ?? -1)).toBeGreaterThanOrEqual(most - 2 * SPAN);
      }
      const last = model.marked();
      account.marked(last);
      expect(account.acknowledged(last)).toBe(true);
      expect(account.waitingBytes).toBe(0);
      expect(account.largestSource()).toBeNull();
      expect(account.snapshot().shares).toEqual([]);
    }),
  );
});

test("data stops at the window, control frames at the slack, and the flooder is named", () => {
  const account = new RelayWindow(undefined, LITTLE);
  account.sent(3, 100);
  account.sent(7, 800);
  expect(account.admits(100, true)).toBe(true);
  expect(account.admits(101, true)).toBe(false);
  expect(account.admits(200, false)).toBe(true);
  expect(account.admits(201, false)).toBe(false);
  expect(account.largestSource()).toBe(7);
});

test("a token that was never sent, or has come back, or was passed over, acknowledges nothing", () => {
  const account = new RelayWindow(undefined, LITTLE);
  for (const number of [1, 2, 3]) {
    account.sent(1, 400);
    expect(account.isMarkDue).toBe(true);
    account.marked(tokenOf(number));
    expect(account.isMarkDue).toBe(false);
  }
  expect(account.acknowledged(tokenOf(4))).toBe(false);
  expect(account.waitingBytes).toBe(1200);
  expect(account.acknowledged(tokenOf(2))).toBe(true);
  expect(account.acknowledged(tokenOf(2))).toBe(false);
  expect(account.acknowledged(tokenOf(1))).toBe(false);
  expect(account.waitingBytes).toBe(400);
});

test("marks are bounded, and go on where they are acknowledged again", () => {
  const account = new RelayWindow(undefined, LITTLE);
  for (let number = 0; number < 2 * LIMITS.tunnelMarks; number++) {
    account.sent(1, 400);
    if (account.isMarkDue) account.marked(tokenOf(number));
  }
  expect(account.snapshot().marks).toHaveLength(LIMITS.tunnelMarks);
  expect(account.acknowledged(tokenOf(0))).toBe(true);
  expect(account.isMarkDue).toBe(true);
});

test("there is room for the marks of all that may ever wait", () => {
  const mostBytes = 2 * LIMITS.tunnelSocketWindowBytes + LIMITS.tunnelSocketSlackBytes;
  expect(LIMITS.tunnelMarks * LIMITS.tunnelMarkBytes).toBeGreaterThan(mostBytes);
});

test("a snapshot fits an attachment, however many sources and frames", () => {
  const account = new RelayWindow();
  for (let frame = 0; frame < 100_000; frame++) {
    account.sent(frame % 1000, 1000 + (frame % 1000 === 42 ? 50 : 0));
    if (account.isMarkDue) account.marked(tokenOf(frame));
  }
  const snapshot = account.snapshot();
  expect(snapshot.marks).toHaveLength(LIMITS.tunnelMarks);
  expect(JSON.stringify(snapshot).length).toBeLessThan(ATTACHMENT_BYTES / 2);
  expect(new RelayWindow(snapshot).largestSource()).toBe(42);
});
