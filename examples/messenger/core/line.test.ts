import fc from "fast-check";
import { steadyClock } from "./steady-clock.ts";
import { describe, expect, test } from "vitest";
import { type Account, NEW_ACCOUNT, sent, settle, taken } from "../../../shared/room/account.ts";
import { BOUNDS } from "./bounds.ts";
import { answerCall, hangUp, hearCall, NO_CALL, placeCall } from "./call.ts";
import { afresh, failed, mayOffer, NO_PLAN, opened } from "./direct-plan.ts";
import { Jitter } from "./jitter.ts";
import { RoomCredit } from "./room-credit.ts";

const frame = (value: number) => new Int16Array(BOUNDS.soundFrameSamples).fill(value);
const played = (jitter: Jitter, turns: number) => Array.from({ length: turns }, () => jitter.take()?.[0] ?? null);

describe("sound", () => {
  test("is played in its order, after a little of it has come", () => {
    const jitter = new Jitter();
    jitter.add(1, frame(1));
    expect(jitter.take()).toBeNull();
    jitter.add(0, frame(0));
    jitter.add(2, frame(2));
    expect(played(jitter, 4)).toEqual([0, 1, 2, null]);
  });

  test("what comes after its turn is left out, and its turn is silent", () => {
    const jitter = new Jitter();
    for (const number of [0, 1, 3, 4]) jitter.add(number, frame(number));
    expect(played(jitter, 3)).toEqual([0, 1, null]);
    jitter.add(2, frame(2));
    expect([played(jitter, 2), jitter.lost]).toEqual([[3, 4], 1]);
  });

  test("never waits for more than a moment's worth, however much comes and from where it counts", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 500 }), { maxLength: 100 }), (numbers) => {
        const jitter = new Jitter();
        for (const number of numbers) {
          jitter.add(number, frame(number));
          expect(jitter.waiting).toBeLessThanOrEqual(BOUNDS.soundFramesToPlay);
          jitter.take();
        }
      }),
    );
  });
});

test("the room's account and the client's agree: no frame without credit, and never a standstill", () => {
  const size = fc.integer({ min: 43, max: 65 * 1024 });
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 150 }), (steps) => {
      const [sender, receiver] = [new RoomCredit(), new RoomCredit()];
      let accounts: { sender: Account; receiver: Account } = { sender: NEW_ACCOUNT, receiver: NEW_ACCOUNT };
      sender.granted(512 * 1024);
      const onTheWay: number[] = [];
      const take = (): void => {
        const bytes = receiver.took(onTheWay.shift() ?? 0);
        if (bytes === 0) return;
        const after = taken(accounts.receiver, accounts.sender, bytes);
        if (!after.ok) throw new Error(after.error);
        const { account, creditBytes } = settle(after.value.sender ?? NEW_ACCOUNT);
        accounts = { receiver: after.value.receiver, sender: account };
        if (creditBytes > 0) sender.granted(creditBytes);
      };
      for (const [bytes, isTaken] of steps) {
        while (!sender.has(bytes)) {
          expect(onTheWay.length).toBeGreaterThan(0);
          take();
        }
        sender.sent(bytes);
        const after = sent(accounts, bytes);
        if (!after.ok) throw new Error(after.error);
        accounts = { sender: after.value.sender, receiver: after.value.receiver ?? NEW_ACCOUNT };
        onTheWay.push(bytes);
        if (isTaken) take();
      }
    }),
  );
});

describe("a call", () => {
  const ringing = hearCall(NO_CALL, 7, "ring", 0).call;

  test("of both at once becomes one: the lower number's", () => {
    const [anna, bert] = [placeCall(NO_CALL, 3, 0).call, placeCall(NO_CALL, 5, 0).call];
    expect(hearCall(anna, 5, "ring", 1)).toEqual({ call: anna });
    expect(hearCall(bert, 3, "ring", 1)).toMatchObject({
      call: { state: "talking", call: 3 },
      tell: { call: 3, step: "accept" },
    });
    expect(hearCall(anna, 3, "accept", 2).call).toMatchObject({ state: "talking", call: 3 });
  });

  test("while there is one another is told so, and words of others mean nothing", () => {
    expect(hearCall(ringing, 8, "ring", 1)).toEqual({ call: ringing, tell: { call: 8, step: "busy" } });
    for (const step of ["accept", "decline", "busy", "end"] as const) {
      expect(hearCall(ringing, 8, step, 1)).toEqual({ call: ringing });
      expect(hearCall(NO_CALL, 8, step, 1)).toEqual({ call: NO_CALL });
    }
    // Nobody accepts a call that rings here in our stead.
    expect(hearCall(ringing, 7, "accept", 1)).toEqual({ call: ringing });
  });

  test("that nobody rings cannot be answered, and none be hung up", () => {
    expect(answerCall(NO_CALL, true, 0)).toEqual({ call: NO_CALL });
    expect(hangUp(NO_CALL)).toEqual({ call: NO_CALL });
    expect(placeCall(ringing, 9, 0)).toEqual({ call: ringing });
  });
});

describe("a direct channel", () => {
  const wanted = afresh(NO_PLAN, { isWantedThere: true });

  test("is offered by one side, once both want it", () => {
    expect([mayOffer(wanted, 0, 0), mayOffer(wanted, 1, 0), mayOffer(NO_PLAN, 0, 0)]).toEqual([true, false, false]);
    expect(mayOffer(afresh(wanted, { isWantedHere: false }), 0, 0)).toBe(false);
  });

  test("is tried ever less often where it fails or does not last, and soon again after it has lasted", () => {
    let [plan, nowMs] = [wanted, 0];
    const pauses = Array.from({ length: 6 }, () => {
      plan = failed(opened(plan, nowMs), nowMs);
      const pauseMs = plan.notBeforeMs - nowMs;
      nowMs = plan.notBeforeMs;
      return pauseMs / BOUNDS.directRetryMs;
    });
    expect(pauses).toEqual([1, 2, 4, 8, 12, 12]);
    plan = failed(opened(plan, nowMs), nowMs + BOUNDS.directRetryMaxMs);
    expect(plan.notBeforeMs - nowMs - BOUNDS.directRetryMaxMs).toBe(BOUNDS.directRetryMs);
  });
});

test("the clock goes on in sleep, and never back where somebody sets it", () => {
  const time = { wallMs: 1_000_000, runningMs: 50 };
  const now = steadyClock({ wall: () => time.wallMs, running: () => time.runningMs });
  const at = (wallMs: number, runningMs: number): number => {
    [time.wallMs, time.runningMs] = [time.wallMs + wallMs, time.runningMs + runningMs];
    return now();
  };
  expect([at(0, 0), at(10, 10), at(3_600_000, 0)]).toEqual([1_000_000, 1_000_010, 4_600_010]);
  // Set back by two hours: time goes on from where it was.
  expect([at(-7_200_000, 0), at(5000, 5000)]).toEqual([4_600_010, 4_605_010]);
});
