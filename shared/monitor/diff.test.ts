import { describe, expect, it, test } from "vitest";
import { ledger, nodeStatus, pool, seen } from "../../test/support/monitor-samples.ts";
import type { MonitorView } from "../api/monitor-schemas.ts";
import { changesOf, isNothing, settled } from "./diff.ts";
import { viewOf } from "./view.ts";

const withBits = (available: number, more: Parameters<typeof seen>[1] = {}): MonitorView =>
  viewOf(seen({ pools: { "b|c#0": pool({ ledgerBits: ledger({ available }) }) } }, more));

describe("two views", () => {
  const first = withBits(1);

  test("of the same have no changes", () => {
    const same = settled(first, withBits(1, { nowMs: 1 }));
    expect(isNothing(changesOf(first, same))).toBe(true);
    expect(same.at).not.toBe(first.at);
  });

  test("differ in whole entities, and in those that are gone", () => {
    const next = settled(first, withBits(2, { pairs: [] }));
    expect(changesOf(first, next)).toEqual({ set: { links: [next.links[1]] }, gone: { pairs: ["a|c#60"] } });
    expect(changesOf(next, first)).toMatchObject({ set: { pairs: first.pairs }, gone: {} });
  });

  test("that are further apart differ in the latest of each", () => {
    const second = settled(first, withBits(2));
    const recent = [{ id: "r/0", path: ["a", "b"], bytes: 1, beganMs: 0, endedMs: null, trouble: null }] as never;
    const relaying = viewOf(seen({ nodes: { a: nodeStatus("a", { recent }) } }));
    const third = settled(second, { ...withBits(3), relays: relaying.relays });
    expect(changesOf(first, third)).toEqual({ set: { links: [third.links[1]], relays: third.relays }, gone: {} });
    expect(changesOf(second, third)).toEqual(changesOf(first, third));
  });
});

const apply = <E extends { id: string }>(old: readonly E[], fresh: readonly E[] = [], left: readonly string[] = []) => {
  const known = new Map(old.map((entity) => [entity.id, entity]));
  for (const entity of fresh) known.set(entity.id, entity);
  for (const id of left) known.delete(id);
  return [...known.values()];
};

it("an update, applied, makes the new view of the old", () => {
  const before = withBits(1);
  const after = settled(before, withBits(5, { pairs: [] }));
  const { set, gone } = changesOf(before, after);
  expect(apply(before.links, set.links, gone.links)).toEqual(after.links);
  expect(apply(before.pairs, set.pairs, gone.pairs)).toEqual(after.pairs);
  expect(apply(before.nodes, set.nodes, gone.nodes)).toEqual(after.nodes);
});
