import { describe, expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { withBench } from "../../test/support/in-workerd-errands.ts";
import { pushLink, saeAt } from "../../test/support/network-document.ts";
import { STUCK_ATTEMPTS } from "./errands.ts";
import { lossesOf } from "./losses.ts";

const link = (a: string, b: string, shards = 1) => pushLink(`${a}-${b}`, a, b, { shards });
const network = (more: Partial<NetworkDocumentInput> = {}): NetworkDocumentInput => ({
  nodes: [{ id: "n1" }, { id: "n2" }, { id: "n3" }],
  links: [link("n1", "n2", 2), link("n2", "n3")],
  saes: [saeAt("a", "n1")],
  operators: [{ id: "op", credentials: [{ type: "certificate", match: "cn", value: "op" }] }],
  policy: { drain_s: 60 },
  ...more,
});
const moved = network({ saes: [saeAt("a", "n2")] });
const DRAIN_MS = 60_000 + LIMITS.snapshotMaxAgeMs;

describe("errands", () => {
  it("tell every shard of the pairs that change, once", async () => {
    await withBench(async ({ put, run, store }) => {
      put(network());
      expect((await run()).sort()).toEqual(["refresh n1|n2#0", "refresh n1|n2#1", "refresh n2|n3#0"]);
      expect(await run()).toEqual([]);
      put(network({ links: [link("n1", "n2", 3), link("n2", "n3")] }));
      expect(await run()).toEqual(["refresh n1|n2#0", "refresh n1|n2#1", "refresh n1|n2#2"]);
      expect(store.nextErrandMs()).toBeNull();
    });
  });

  it("void an SAE's keys at the node it left, pool after pool, when its drain is over", async () => {
    await withBench(async ({ put, run, store, clock, audited }) => {
      put(network());
      await run();
      put(moved);
      expect(await run()).toEqual([]);
      clock.nowMs += DRAIN_MS - 1;
      expect(await run()).toEqual([]);
      const { sequence } = store.head();
      clock.nowMs += 1;
      expect(await run()).toEqual([
        "void a@n1 0 n1|n1#0",
        "void a@n1 7 n1|n1#0",
        // Not its own shard, but keys for several slaves come there from n1|n2#1.
        "void a@n1 0 n1|n1#1",
        "void a@n1 7 n1|n1#1",
        "void a@n1 0 n1|n2#0",
        "void a@n1 7 n1|n2#0",
        "void a@n1 0 n1|n2#1",
        "void a@n1 7 n1|n2#1",
      ]);
      expect(store.drains()).toEqual([]);
      expect(store.head().sequence).toBeGreaterThan(sequence);
      expect(audited("keys.void")).toEqual([{ reason: "sae-drained", sae: "a", node: "n1", keys: 16 }]);
      expect(await run()).toEqual([]);
    });
  });

  it("void all of a removed link, then tell its pools that they are gone", async () => {
    await withBench(async ({ put, run, clock, audited }) => {
      put(network());
      await run();
      put(network({ links: [link("n1", "n2", 2)] }));
      expect(await run()).toEqual(["refresh n2|n3#0"]);
      clock.nowMs += DRAIN_MS;
      expect(await run()).toEqual([
        "void *@* 0 n2|n3#0",
        "void *@* 7 n2|n3#0",
        "void *@* 0 n2|n3#1",
        "void *@* 7 n2|n3#1",
        "refresh n2|n3#0",
        "refresh n2|n3#1",
      ]);
      expect(audited("keys.void")).toEqual([{ reason: "pair-drained", low: "n2", high: "n3", keys: 8 }]);
    });
  });

  it("leave alone what is put back in time", async () => {
    await withBench(async ({ put, run, store, clock }) => {
      put(network());
      put(moved);
      put(network());
      await run();
      clock.nowMs += 2 * DRAIN_MS;
      // What drained where it only was in between
      expect(await run()).toEqual(expect.not.arrayContaining([expect.stringContaining("a@n1")]));
      expect(store.drains()).toEqual([]);
    });
  });

  it("stop when it is put back while they void", async () => {
    await withBench(async ({ put, run, pools, store, clock, audited }) => {
      put(network());
      put(network({ links: [link("n1", "n2", 2)] }));
      await run();
      clock.nowMs += DRAIN_MS;
      let calls = 0;
      pools.during = () => {
        calls += 1;
        if (calls === 1) put(network());
      };
      expect((await run())[0]).toBe("void *@* 0 n2|n3#0");
      expect(pools.calls.filter((call) => call.startsWith("void"))).toHaveLength(1);
      expect(store.drains()).toEqual([]);
      expect(audited("keys.void")).toEqual([]);
    });
  });

  it("try again what fails, later each time, until it is stuck; others go on", async () => {
    await withBench(async ({ put, run, pools, store, clock, audited }) => {
      pools.failing.add("n1|n2#1");
      put(network());
      expect((await run()).sort()).toEqual(["refresh n1|n2#0", "refresh n1|n2#1", "refresh n2|n3#0"]);
      for (let attempt = 1; attempt < STUCK_ATTEMPTS; attempt++) {
        expect(await run()).toEqual([]);
        clock.nowMs = store.nextErrandMs() ?? Number.NaN;
        expect(await run()).toEqual(["refresh n1|n2#0", "refresh n1|n2#1"]);
      }
      expect(audited("directory.stuck")).toEqual([{ errand: "refresh", what: "n1|n2", code: "internal" }]);
      expect((store.nextErrandMs() ?? 0) - clock.nowMs).toBeGreaterThan(60_000);
      // Stuck is told once; when the pool is back, it is done after all.
      clock.nowMs = store.nextErrandMs() ?? Number.NaN;
      await run();
      expect(audited("directory.stuck")).toHaveLength(1);
      pools.failing.clear();
      clock.nowMs = store.nextErrandMs() ?? Number.NaN;
      await run();
      expect(store.nextErrandMs()).toBeNull();
    });
  });

  it("go on where a pool that answered with a fault left them", async () => {
    await withBench(async ({ put, run, pools, store, clock, audited }) => {
      put(network());
      await run();
      put(moved);
      clock.nowMs += DRAIN_MS;
      pools.failing.add("fault n1|n2#0");
      expect((await run()).slice(-2)).toEqual(["void a@n1 7 n1|n1#1", "void a@n1 0 n1|n2#0"]);
      pools.failing.clear();
      clock.nowMs = store.nextErrandMs() ?? Number.NaN;
      expect((await run())[0]).toBe("void a@n1 0 n1|n2#0");
      expect(audited("keys.void")).toEqual([{ reason: "sae-drained", sae: "a", node: "n1", keys: 16 }]);
    });
  });

  it("are counted before, at every pool that will be visited", async () => {
    await withBench(async ({ put, pools, errands, store }) => {
      put(network());
      const after = validateNetwork(moved);
      if (!after.ok) throw new Error(after.error.message);
      await lossesOf(store.view(), after.value, errands);
      expect(pools.calls).toEqual(["count n1|n1#0", "count n1|n1#1", "count n1|n2#0", "count n1|n2#1"]);
    });
  });

  it("are told with the unused material of links that go, as far as pools answer", async () => {
    await withBench(async ({ put, pools, errands, store }) => {
      put(network());
      const after = validateNetwork(network({ links: [] }));
      if (!after.ok) throw new Error(after.error.message);
      expect(await lossesOf(store.view(), after.value, errands)).toMatchObject({
        unusedMaterial: [
          { link: "n1-n2", availableBits: 8 + 16 },
          { link: "n2-n3", availableBits: 8 },
        ],
        complete: true,
      });
      pools.failing.add("n1|n2#1");
      expect(await lossesOf(store.view(), after.value, errands)).toMatchObject({
        unusedMaterial: [{ availableBits: 8 }, { availableBits: 8 }],
        complete: false,
      });
    });
  });

  it("are bounded a run", async () => {
    await withBench(async ({ put, run }) => {
      const nodes = Array.from({ length: 100 }, (_, n) => ({ id: `n${n + 1}` }));
      put(network({ nodes, links: nodes.slice(1).map(({ id }) => link("n1", id)) }));
      expect(await run()).toHaveLength(LIMITS.poolCallsPerAlarm);
      expect(await run()).toHaveLength(99 - LIMITS.poolCallsPerAlarm);
    });
  });
});
