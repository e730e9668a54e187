import fc from "fast-check";
import { expect, test } from "vitest";
import { type Edge, HOP, laidOut, type Places } from "./layout.ts";
import { placesFrom } from "./places.ts";
import { drawnAt, fitted, mapPoint, panned, zoomed } from "./viewport.ts";

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);
const chain = (ids: readonly string[]): Edge[] => ids.slice(1).map((id, n) => [ids[n] ?? "", id]);
const between = (places: Places, a: string, b: string): number =>
  Math.hypot((places[a]?.x ?? 0) - (places[b]?.x ?? 0), (places[a]?.y ?? 0) - (places[b]?.y ?? 0));

test("a chain lies level and in its order, a hop apart each", () => {
  const ids = names(6);
  const places = laidOut(ids, chain(ids));
  expect(Math.max(...ids.map((id) => Math.abs(places[id]?.y ?? 0)))).toBeLessThan(HOP / 20);
  const xs = ids.map((id) => places[id]?.x ?? 0);
  expect(xs).toEqual(xs.toSorted((a, b) => a - b));
  for (const [a, b] of chain(ids)) expect(between(places, a, b)).toBeCloseTo(HOP, -1);
});

test("a ring is round", () => {
  const ids = names(6);
  const places = laidOut(ids, [...chain(ids), ["n5", "n0"]]);
  const middle = { x: 0, y: 0 };
  for (const id of ids) {
    middle.x += (places[id]?.x ?? 0) / 6;
    middle.y += (places[id]?.y ?? 0) / 6;
  }
  const radii = ids.map((id) => Math.hypot((places[id]?.x ?? 0) - middle.x, (places[id]?.y ?? 0) - middle.y));
  expect(Math.max(...radii) - Math.min(...radii)).toBeLessThan(HOP / 20);
});

test("any network is laid out alike each time, with no two nodes in one place, and those that were moved where they are", () => {
  const network = fc.integer({ min: 1, max: 14 }).chain((count) =>
    fc.record({
      ids: fc.constant(names(count)),
      edges: fc.array(fc.tuple(fc.constantFrom(...names(count)), fc.constantFrom(...names(count))), { maxLength: 24 }),
    }),
  );
  fc.assert(
    fc.property(network, ({ ids, edges }) => {
      const places = laidOut(ids, edges);
      expect(laidOut(ids, edges)).toEqual(places);
      expect(Object.keys(places)).toEqual(ids);
      for (const [n, a] of ids.entries()) {
        expect(Number.isFinite(places[a]?.x) && Number.isFinite(places[a]?.y)).toBe(true);
        for (const b of ids.slice(n + 1)) expect(between(places, a, b)).toBeGreaterThan(HOP / 20);
      }
      const moved = { n0: { x: 5000, y: -70 } };
      expect(laidOut(ids, edges, moved)["n0"]).toEqual(moved.n0);
    }),
    { numRuns: 60 },
  );
});

test("where all have been placed they stay, and those that are gone are forgotten", () => {
  const kept = { a: { x: 1, y: 2 }, b: { x: 1, y: 3 }, gone: { x: 9000, y: 0 } };
  expect(laidOut(["a", "b"], [["a", "b"]], kept)).toEqual({ a: kept.a, b: kept.b });
});

test("links to nodes that are not there are passed over", () => {
  expect(Object.keys(laidOut(["a", "b"], [["a", "gone"]]))).toEqual(["a", "b"]);
  expect(laidOut([], [])).toEqual({});
});

test("a large network is laid out with less care", () => {
  const ids = names(800);
  expect(Object.keys(laidOut(ids, chain(ids)))).toHaveLength(800);
});

test("what a browser kept that is no place is left out", () => {
  expect(placesFrom({ a: { x: 1, y: 2 }, b: { x: "1", y: 2 }, c: null, d: { x: Infinity, y: 0 } })).toEqual({
    a: { x: 1, y: 2 },
  });
  for (const none of [null, 3, "x", undefined]) expect(placesFrom(none)).toEqual({});
});

const viewport = fc.record({
  scale: fc.double({ min: 0.1, max: 3, noNaN: true }),
  left: fc.integer({ min: -900, max: 900 }),
  top: fc.integer({ min: -900, max: 900 }),
});
const point = fc.record({ x: fc.integer({ min: -2000, max: 2000 }), y: fc.integer({ min: -2000, max: 2000 }) });

test("to zoom keeps the point it is about, within bounds; to pan moves all alike", () => {
  fc.assert(
    fc.property(viewport, point, fc.double({ min: 0.01, max: 100, noNaN: true }), (view, at, by) => {
      const next = zoomed(view, by, at);
      expect(next.scale).toBeGreaterThanOrEqual(0.08);
      expect(next.scale).toBeLessThanOrEqual(4);
      const there = drawnAt(next, mapPoint(view, at));
      expect(there.x).toBeCloseTo(at.x, 4);
      expect(there.y).toBeCloseTo(at.y, 4);
      const moved = drawnAt(panned(view, 30, -7), { x: 10, y: 20 });
      const before = drawnAt(view, { x: 10, y: 20 });
      expect([moved.x - before.x, moved.y - before.y]).toEqual([expect.closeTo(30, 6), expect.closeTo(-7, 6)]);
    }),
  );
});

test("all nodes fit into any window", () => {
  const size = fc.record({ width: fc.integer({ min: 300, max: 2000 }), height: fc.integer({ min: 200, max: 1200 }) });
  fc.assert(
    fc.property(size, fc.array(point, { minLength: 1, maxLength: 12 }), (window, points) => {
      const places = Object.fromEntries(points.map((at, n) => [`n${n}`, { x: at.x / 2, y: at.y / 2 }]));
      for (const place of Object.values(places)) {
        const { x, y } = drawnAt(fitted(places, window), place);
        expect(x >= 0 && x <= window.width && y >= 0 && y <= window.height).toBe(true);
      }
    }),
  );
});
