import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import {
  type Demand,
  demandAfter,
  missingBytes,
  NO_DEMAND,
  readDemand,
  soonBytes,
  targetBytes,
  UNUSED_MS,
  writeDemand,
} from "./demand.ts";

const HIGH = 8 * 1024 * 1024;
const { unitBytes } = LIMITS;

/** `bytes` taken every `everyMs`, for so long. */
function taken(bytes: number, everyMs: number, forMs: number, from: Demand = NO_DEMAND, startMs = 0): Demand {
  let demand = from;
  for (let nowMs = startMs; nowMs <= startMs + forMs; nowMs += everyMs) demand = demandAfter(demand, bytes, nowMs);
  return demand;
}

describe("the target", () => {
  it("is nothing for a pool that nobody has used", () => {
    expect(targetBytes(NO_DEMAND, 0, HIGH)).toBe(0);
  });

  it("is a unit as soon as one key was taken", () => {
    expect(targetBytes(demandAfter(NO_DEMAND, 32, 1000), 1000, HIGH)).toBe(unitBytes);
  });

  it("comes to what is taken in five seconds, within a few of them", () => {
    const rateBytesPerS = 100_000;
    const target = targetBytes(taken(rateBytesPerS / 100, 10, 20_000), 20_000, HIGH);
    expect(target).toBeGreaterThan(4.8 * rateBytesPerS);
    expect(target).toBeLessThan(5.2 * rateBytesPerS);
    expect(targetBytes(taken(rateBytesPerS / 100, 10, 5000), 5000, HIGH)).toBeGreaterThan(2.5 * rateBytesPerS);
  });

  it("keeps to the policy's high watermark, be it lower than a unit", () => {
    const demand = taken(1_000_000, 10, 10_000);
    expect(targetBytes(demand, 10_000, HIGH)).toBe(HIGH);
    expect(targetBytes(demand, 10_000, 100)).toBe(100);
    expect(targetBytes(demand, 10_000, 0)).toBe(0);
  });

  it("falls by half a minute, never below a unit, and is nothing after five minutes without use", () => {
    const demand = demandAfter(NO_DEMAND, 64 * 1024, 0);
    expect(targetBytes(demand, 60_000, HIGH)).toBe(32 * 1024);
    expect(targetBytes(demand, 120_000, HIGH)).toBe(16 * 1024);
    expect(targetBytes(demand, UNUSED_MS - 1, HIGH)).toBe(unitBytes);
    expect(targetBytes(demand, UNUSED_MS, HIGH)).toBe(0);
  });

  it("remembers who takes much at a time", () => {
    const demand = taken(64 * 1024, 60_000, 600_000);
    expect(targetBytes(demand, 600_000, HIGH)).toBeGreaterThanOrEqual(64 * 1024);
  });

  it("rises with demand at any time, and never beyond all that was taken", () => {
    const history = fc.array(fc.tuple(fc.nat(100_000), fc.nat(70_000)), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(history, (takes) => {
        let [nowMs, all, demand]: [number, number, Demand] = [0, 0, NO_DEMAND];
        for (const [bytes, pauseMs] of takes) {
          nowMs += pauseMs;
          const before = targetBytes(demand, nowMs, Infinity);
          demand = demandAfter(demand, bytes, nowMs);
          all += bytes;
          const after = targetBytes(demand, nowMs, Infinity);
          expect(after).toBeGreaterThanOrEqual(before);
          expect(after).toBeGreaterThanOrEqual(bytes);
          expect(after).toBeLessThanOrEqual(Math.max(unitBytes, all));
        }
      }),
    );
  });

  it("survives a clock that goes back, and a restart", () => {
    const demand = demandAfter(NO_DEMAND, 10_000, 1_000_000);
    expect(targetBytes(demandAfter(demand, 10_000, 500_000), 500_000, HIGH)).toBe(20_000);
    const read = readDemand(writeDemand(demand));
    expect(targetBytes(read, 1_060_000, HIGH)).toBe(5000);
  });
});

describe("what is used soon", () => {
  it("is nothing for a pool that nobody has used, and little after one key", () => {
    expect(soonBytes(NO_DEMAND, 0)).toBe(0);
    expect(soonBytes(demandAfter(NO_DEMAND, 32, 1000), 1000)).toBeLessThan(32);
  });

  it("is what a second takes at a steady rate, and fades away once nobody asks", () => {
    const demand = taken(64, 10, 30_000);
    expect(soonBytes(demand, 30_000)).toBeGreaterThan(0.95 * 6400);
    expect(soonBytes(demand, 30_000)).toBeLessThan(1.05 * 6400);
    expect(soonBytes(demand, 40_000)).toBeLessThan(0.2 * 6400);
    expect(soonBytes(demand, 29_000)).toBe(soonBytes(demand, 30_000));
  });
});

describe("what is missing", () => {
  it("is nothing above three quarters of the target, and below that whole units up to it", () => {
    const target = 10 * unitBytes;
    expect(missingBytes(target, target)).toBe(0);
    expect(missingBytes(target, 7.5 * unitBytes)).toBe(0);
    expect(missingBytes(target, 7.5 * unitBytes - 1)).toBe(3 * unitBytes);
    expect(missingBytes(target, 0)).toBe(target);
    expect(missingBytes(0, 0)).toBe(0);
  });

  it("costs tags of at most 2 % where a target is a unit: a tag's key has 32 bytes", () => {
    for (let available = 0; available < unitBytes; available++) {
      const missing = missingBytes(unitBytes, available);
      if (missing > 0) expect((missing + 32) / missing).toBeLessThanOrEqual(1.02);
    }
  });
});
