import { describe, expect, it, test } from "vitest";
import { seen } from "../../test/support/monitor-samples.ts";
import { byPart, FIGURES_BY_KIND, figuresOf, partOf, ringFor, RINGS, slotOf, spanMs, stepAt } from "./rings.ts";
import { viewOf } from "./view.ts";

describe("rings", () => {
  const nowMs = Date.UTC(2026, 0, 31, 12, 0, 7);

  test("are of an hour and of a day", () => {
    expect(RINGS.map((ring) => [ring.stepSeconds, spanMs(ring) / 3_600_000])).toEqual([
      [10, 1],
      [60, 24],
    ]);
  });

  test("come round: a step takes the place of the one a span before, and of no other", () => {
    for (const ring of RINGS) {
      const steps = Array.from({ length: ring.steps + 1 }, (_, at) =>
        stepAt(ring, nowMs + at * ring.stepSeconds * 1000),
      );
      const slots = steps.map((step) => slotOf(ring, step));
      expect(new Set(slots).size).toBe(ring.steps);
      expect(slots.at(-1)).toBe(slots[0]);
      expect(slots.every((slot) => slot >= 0 && slot < ring.steps)).toBe(true);
    }
  });

  test("are read from the finest that reaches so far back", () => {
    expect(ringFor(nowMs - 3_600_000, nowMs).stepSeconds).toBe(10);
    expect(ringFor(nowMs - 3_600_001, nowMs).stepSeconds).toBe(60);
    expect(ringFor(0, nowMs).stepSeconds).toBe(60);
  });
});

describe("figures", () => {
  const operation = { id: "getStatus", requests_per_s: 2, errors_per_s: 1, p50_ms: 1, p99_ms: null };
  const operations = [operation, { ...operation, id: "getKeys", p99_ms: 40 }, { ...operation, id: "x", p99_ms: 9 }];
  const figures = figuresOf({ ...viewOf(seen()), operations });

  it("are those that can be asked for, of every link and pair, and of the deployment", () => {
    expect(Object.keys(figures)).toEqual(["link:ab", "link:bc", "link:bf", "pair:a|c#60", "deployment"]);
    for (const [of, kept] of Object.entries(figures))
      expect(Object.keys(kept)).toEqual(FIGURES_BY_KIND[of.split(":", 1)[0] ?? ""]);
    expect(figures["link:ab"]).toMatchObject({ available_bits: 2000, qber: null });
  });

  it("are of all requests together, and of the slowest", () => {
    expect(figures["deployment"]).toEqual({ requests_per_s: 6, errors_per_s: 3, p99_ms: 40 });
    expect(figuresOf(viewOf(seen()))["deployment"]).toEqual({ requests_per_s: 0, errors_per_s: 0, p99_ms: null });
  });

  it("lie in few rows, each entity's always in the same", () => {
    const parts = byPart(Object.fromEntries(Array.from({ length: 4000 }, (_, at) => [`link:${at}`, {}])));
    expect(parts.size).toBe(64);
    expect(Math.max(...[...parts.values()].map((part) => Object.keys(part).length))).toBeLessThan(128);
    for (const [part, entries] of parts) for (const of of Object.keys(entries)) expect(partOf(of)).toBe(part);
  });
});
