import { describe, expect, it } from "vitest";
import * as v from "valibot";
import { LIMITS } from "../../shared/limits.ts";
import type { Snapshot } from "../../shared/network/directory-types.ts";
import { NetworkDocumentSchema } from "../../shared/network/document.ts";
import { DirectoryCache } from "./directory.ts";

const document = v.parse(NetworkDocumentSchema, { nodes: [], links: [], saes: [], operators: [] });
const snapshotOf = (sequence: number): Snapshot => ({
  sequence,
  documentVersion: sequence,
  document,
  revocations: [],
  drains: [],
  bootstrapOpen: false,
});

/** A Directory that answers at once, not at all, or when told; a clock set by hand. */
function bench() {
  const clock = { nowMs: 0 };
  const state = {
    sequence: 1,
    asked: [] as number[],
    mode: "up" as "up" | "down" | "held",
    held: [] as (() => void)[],
  };
  const source = {
    snapshot: async (known: number) => {
      state.asked.push(clock.nowMs);
      if (state.mode === "down") throw new Error("unreachable");
      const { sequence } = state;
      if (state.mode === "held") await new Promise<void>((resolve) => state.held.push(resolve));
      return known === sequence ? { unchanged: true as const, sequence } : snapshotOf(sequence);
    },
  };
  const waiting: Promise<unknown>[] = [];
  const background = { waitUntil: (work: Promise<unknown>) => void waiting.push(work) };
  const cache = new DirectoryCache(() => clock.nowMs);
  const lookup = async (maxAgeMs?: number) => {
    const result = await cache.lookup(source, background, maxAgeMs);
    return result.ok ? result.value.sequence : result.error.code;
  };
  return { clock, state, source, cache, lookup, settle: async () => await Promise.all(waiting.splice(0)) };
}

describe("the snapshot cache", () => {
  it("asks once, then serves its copy", async () => {
    const { lookup, state, clock } = bench();
    expect(await lookup()).toBe(1);
    clock.nowMs = LIMITS.snapshotRefreshAgeMs - 1;
    state.sequence = 2;
    expect(await lookup()).toBe(1);
    expect(state.asked).toEqual([0]);
  });

  it("refreshes in the background before its copy is too old", async () => {
    const { lookup, state, clock, settle } = bench();
    await lookup();
    state.sequence = 2;
    clock.nowMs = LIMITS.snapshotRefreshAgeMs;
    expect([await lookup(), await lookup()]).toEqual([1, 1]);
    await settle();
    expect(await lookup()).toBe(2);
    expect(state.asked).toEqual([0, LIMITS.snapshotRefreshAgeMs]);
  });

  it("never uses a copy older than the bound while the Directory answers", async () => {
    const { lookup, state, clock } = bench();
    await lookup();
    state.sequence = 2;
    clock.nowMs = LIMITS.snapshotMaxAgeMs + 1;
    expect(await lookup()).toBe(2);
  });

  it("asks sooner for those who want a younger copy, and serves that to the others", async () => {
    const { lookup, state, clock } = bench();
    await lookup();
    state.sequence = 2;
    clock.nowMs = 200;
    expect([await lookup(200), await lookup()]).toEqual([1, 1]);
    clock.nowMs = 201;
    expect([await lookup(), await lookup(200), await lookup()]).toEqual([1, 2, 2]);
    expect(state.asked).toEqual([0, 201]);
    state.mode = "down";
    clock.nowMs = 1000;
    expect(await lookup(200)).toBe(2);
  });

  it("keeps its copy young when nothing changed", async () => {
    const { lookup, state, clock } = bench();
    await lookup();
    clock.nowMs = LIMITS.snapshotMaxAgeMs + 1;
    await lookup();
    clock.nowMs += LIMITS.snapshotRefreshAgeMs - 1;
    expect(await lookup()).toBe(1);
    expect(state.asked).toHaveLength(2);
  });

  it("serves its copy for a while without the Directory, then refuses, then recovers", async () => {
    const { lookup, state, clock } = bench();
    await lookup();
    state.mode = "down";
    clock.nowMs = LIMITS.directoryPatienceMs;
    expect(await lookup()).toBe(1);
    clock.nowMs += 1;
    expect(await lookup()).toBe("directory-unavailable");
    state.mode = "up";
    expect(await lookup()).toBe(1);
  });

  it("refuses at once when it never had a copy", async () => {
    const { lookup, state } = bench();
    state.mode = "down";
    expect(await lookup()).toBe("directory-unavailable");
  });

  it("does not wait for ever", async () => {
    const { lookup, state } = bench();
    state.mode = "held";
    expect(await lookup()).toBe("directory-unavailable");
  });

  it("keeps the newer of two answers that overtake each other", async () => {
    const { lookup, state, clock } = bench();
    await lookup();
    state.mode = "held";
    clock.nowMs = 2000;
    state.sequence = 2;
    const older = lookup();
    clock.nowMs = 2001;
    state.sequence = 3;
    const newer = lookup();
    state.held[1]?.();
    expect(await newer).toBe(3);
    state.held[0]?.();
    expect(await older).toBe(3);
  });

  it("takes a Directory that begins anew at its word", async () => {
    const { lookup, state, clock } = bench();
    state.sequence = 50;
    await lookup();
    state.sequence = 1;
    clock.nowMs = LIMITS.snapshotMaxAgeMs + 1;
    expect(await lookup()).toBe(1);
  });

  it("asks after a miss, at most once a second", async () => {
    const { cache, source, state, clock } = bench();
    const first = await cache.lookup(source, { waitUntil: () => undefined });
    if (!first.ok) throw new Error("no lookup");
    clock.nowMs = 10;
    expect(await cache.afterMiss(source, first.value)).toBeNull();
    state.sequence = 2;
    expect(await cache.afterMiss(source, first.value)).toBeNull();
    expect(state.asked).toHaveLength(2);
    clock.nowMs = 10 + LIMITS.forcedRefreshMs;
    expect((await cache.afterMiss(source, first.value))?.sequence).toBe(2);
    expect((await cache.afterMiss(source, first.value))?.sequence).toBe(2);
    expect(state.asked).toHaveLength(3);
  });
});
