import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { ledger, PAIRS, pool, seen, WATCHED } from "../../test/support/monitor-samples.ts";
import { LIMITS } from "../limits.ts";
import { type Stock, StockMeter, StockMeters, stockOf } from "./rates.ts";
import { stocksOf } from "./stocks.ts";

const at = (seconds: number, available: number, spent: number): Stock => ({ atMs: 1000 * seconds, available, spent });
function measured(...stocks: Stock[]) {
  const [first, ...others] = stocks;
  if (first === undefined) throw new Error("a meter begins with a stock");
  const meter = new StockMeter(first);
  for (const stock of others) meter.see(stock);
  return meter.rates();
}

describe("rates", () => {
  test("take two samples", () => {
    expect(measured(at(0, 100, 0))).toBeNull();
    expect(measured(at(0, 100, 0), at(0, 200, 0))).toBeNull();
    expect(measured(at(0, 100, 0), at(10, 250, 50))).toEqual({ refillBps: 20, consumptionBps: 5 });
  });

  test("are of the last half minute, or since the sample before it", () => {
    expect(measured(at(0, 0, 0), at(60, 600, 0), at(120, 600, 60))).toEqual({ refillBps: 1, consumptionBps: 1 });
    expect(measured(at(0, 9999, 0), at(10, 0, 9999), at(20, 0, 9999), at(50, 30, 9999))).toEqual({
      refillBps: 1,
      consumptionBps: 0,
    });
  });

  test("take neither key that is taken back, nor key that is voided or expires, for a flow", () => {
    expect(measured(at(0, 100, 0), at(1, 40, 60), at(2, 100, 0))).toEqual({ refillBps: 30, consumptionBps: 30 });
    expect(measured(at(0, 100, 0), at(1, 0, 0))).toEqual({ refillBps: 0, consumptionBps: 0 });
    expect(measured(at(0, 100, 50), at(1, 100, 0))).toEqual({ refillBps: 0, consumptionBps: 0 });
  });

  test("are never negative, and a meter holds a bounded number of samples", () => {
    const stock = fc.record({ available: fc.nat(1e6), spent: fc.nat(1e6), waitMs: fc.nat(5000) });
    fc.assert(
      fc.property(fc.array(stock, { minLength: 1, maxLength: 100 }), (stocks) => {
        let atMs = 0;
        const rates = measured(...stocks.map(({ waitMs, ...each }) => ({ ...each, atMs: (atMs += waitMs) })));
        expect(Math.min(rates?.refillBps ?? 0, rates?.consumptionBps ?? 0)).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

const see = (meters: StockMeters, ...stocks: [string, Stock][]) => meters.see(new Map(stocks), (id) => id !== "gone");

describe("meters", () => {
  test("go on from what they were", () => {
    const before = new StockMeters();
    see(before, ["link:ab", at(0, 100, 0)], ["gone", at(0, 0, 0)]);
    const after = new StockMeters();
    after.restore(before.stocks());
    see(after, ["link:ab", at(60, 700, 0)]);
    expect(after.rates("link:ab")).toEqual({ refillBps: 10, consumptionBps: 0 });
    expect([after.rates("link:bc"), Object.keys(after.stocks())]).toEqual([null, ["link:ab"]]);
  });

  test("keep what they know of those of whom nothing is heard", () => {
    const meters = new StockMeters();
    see(meters, ["link:ab", at(0, 0, 0)]);
    see(meters);
    see(meters, ["link:ab", at(LIMITS.monitorRateMs / 1000, 3000, 0)]);
    expect(meters.rates("link:ab")).toEqual({ refillBps: 100, consumptionBps: 0 });
  });
});

describe("stocks", () => {
  it("are what is there, and what was given out in whatever way", () => {
    const all = ledger({
      available: 1,
      reserved: 2,
      pending: 4,
      delivered: 8,
      pad: 16,
      tag: 32,
      expired: 64,
      voided: 128,
    });
    expect(stockOf(all, 5)).toEqual({ atMs: 5, available: 1, spent: 62 });
  });

  it("are those of links and pairs all of whose pools have answered", () => {
    const { answers } = seen({ pools: { "a|b#0": pool({ ledgerBits: ledger({ available: 7 }) }), "b|c#0": null } });
    const stocks = stocksOf(WATCHED, PAIRS, answers, 9);
    expect([...stocks.keys()]).toEqual(["link:ab", "link:bf", "pair:a|c#60"]);
    expect(stocks.get("link:ab")).toEqual({ atMs: 9, available: 1007, spent: 0 });
  });
});
