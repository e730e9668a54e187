import fc from "fast-check";
import { expect, test } from "vitest";
import { FlowMeter, sumOfRates, timeToEmptySeconds } from "./rates.ts";

const WINDOW_S = 120;
const flow = (inBits: number, outBits: number) => ({ inBits, outBits });

test("nothing is known at first; then what flows steadily is told as it is", () => {
  const meter = new FlowMeter(0);
  expect(meter.rates(0)).toBeNull();
  meter.add(flow(1_000_000, 0), 0);
  expect(meter.rates(1999)).toBeNull();
  for (let ms = 100; ms <= 600_000; ms += 100) meter.add(flow(100, 250), ms);
  const { refillBps = 0, consumptionBps = 0 } = meter.rates(600_000) ?? {};
  // Exact but for what a sample's time is of the window.
  for (const [told, real] of [
    [refillBps, 1000],
    [consumptionBps, 2500],
  ] as const) {
    expect(Math.abs(told / real - 1)).toBeLessThanOrEqual(2 / WINDOW_S);
  }
});

test("what happened within the window counts over all of it, however little was sampled before", () => {
  const meter = new FlowMeter(0);
  meter.add(flow(0, 500), 10_000);
  meter.add(flow(0, 12_000), 3_600_000);
  meter.add(flow(0, 12_000), 3_600_001);
  expect(meter.rates(3_610_000)).toEqual({ refillBps: 0, consumptionBps: 200 });
  expect(meter.rates(3_600_001 + WINDOW_S * 1000)).toEqual({ refillBps: 0, consumptionBps: 0 });
});

test("shortly after the start the time since then counts", () => {
  const meter = new FlowMeter(1000);
  meter.add(flow(4000, 8000), 2000);
  expect(meter.rates(5000)).toEqual({ refillBps: 1000, consumptionBps: 2000 });
});

test("agrees with a count of every single event, but for those within a sample's time of the window's edge", () => {
  const events = fc.array(fc.record({ stepMs: fc.nat(20_000), inBits: fc.nat(10_000), outBits: fc.nat(10_000) }), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(events, (all) => {
      const meter = new FlowMeter(0);
      let nowMs = 0;
      const past = all.map(({ stepMs, inBits, outBits }) => {
        nowMs += stepMs;
        meter.add(flow(inBits, outBits), nowMs);
        return { atMs: nowMs, inBits, outBits };
      });
      const rates = meter.rates(nowMs);
      expect(rates === null).toBe(nowMs < 2000);
      if (rates === null) return;
      const spanMs = Math.min(WINDOW_S * 1000, nowMs);
      const bitsSince = (fromMs: number) =>
        past.filter(({ atMs }) => atMs >= fromMs).reduce((sum, e) => sum + e.inBits, 0);
      const told = (rates.refillBps * spanMs) / 1000;
      const rounding = spanMs / 1000;
      expect(told).toBeLessThanOrEqual(bitsSince(nowMs - WINDOW_S * 1000) + rounding);
      expect(told).toBeGreaterThanOrEqual(bitsSince(nowMs - WINDOW_S * 1000 + 2000) - rounding);
    }),
  );
});

test("shards are summed; one that knows nothing is left out", () => {
  const one = { refillBps: 1, consumptionBps: 10 };
  expect(sumOfRates([one, null, undefined, one])).toEqual({ refillBps: 2, consumptionBps: 20 });
  expect(sumOfRates([null, undefined])).toBeNull();
  expect(sumOfRates([])).toBeNull();
});

test("time to empty, where it empties", () => {
  expect(timeToEmptySeconds(1001, { refillBps: 10, consumptionBps: 20 })).toBe(100);
  expect(timeToEmptySeconds(0, { refillBps: 0, consumptionBps: 20 })).toBe(0);
  expect(timeToEmptySeconds(1000, { refillBps: 20, consumptionBps: 20 })).toBeNull();
  expect(timeToEmptySeconds(1000, null)).toBeNull();
});
