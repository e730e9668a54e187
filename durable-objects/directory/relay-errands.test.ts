import { describe, expect, it } from "vitest";
import type { PairName } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { validateNetwork } from "../../shared/network/validate.ts";
import { withBench } from "../../test/support/in-workerd-errands.ts";
import { pushLink, remoteNode, saeAt } from "../../test/support/network-document.ts";
import { lossesOf } from "./losses.ts";

const link = (a: string, b: string) => pushLink(`${a}-${b}`, a, b);
/** A chain. */
const network = (more: Partial<NetworkDocumentInput> = {}): NetworkDocumentInput => ({
  nodes: [{ id: "n1" }, { id: "n2" }, { id: "n3" }],
  links: [link("n1", "n2"), link("n2", "n3")],
  saes: [saeAt("a", "n1")],
  operators: [{ id: "op", credentials: [{ type: "certificate", match: "cn", value: "op" }] }],
  policy: { drain_s: 60 },
  ...more,
});
const DRAIN_MS = 60_000 + LIMITS.snapshotMaxAgeMs;
/** Relayed key of n1 with n3 and, beside the link, with n2; an import; and pools of others. */
const LEASED = ["n1|n2#0", "n1|n2#60", "n1|n3#2", "n1|n3#60", "n1|n33#60", "n11|n3#60", "n2|n3#60", "n1|n1#60"];
const valid = (document: NetworkDocumentInput) => {
  const result = validateNetwork(document);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
};
const pair = (name: string) => name as PairName;
const poolsIn = (calls: readonly string[], what: string) =>
  calls.filter((call) => call.startsWith(what)).map((call) => call.split(" ").at(-1));

describe("pools of relayed key", () => {
  it("are visited for an SAE that has left, as all others of its node's", async () => {
    await withBench(async ({ put, run, lease, clock, audited }) => {
      put(network());
      for (const name of LEASED) lease(name);
      await run();
      put(network({ saes: [saeAt("a", "n3")] }));
      clock.nowMs += DRAIN_MS;
      expect(await run()).toEqual(
        ["n1|n1#0", "n1|n2#0", "n1|n1#60", "n1|n2#60", "n1|n3#2", "n1|n3#60"].flatMap((name) => [
          `void a@n1 0 ${name}`,
          `void a@n1 7 ${name}`,
        ]),
      );
      expect(audited("keys.void")).toEqual([{ reason: "sae-drained", sae: "a", node: "n1", keys: 24 }]);
    });
  });

  it("go with a node, at their drain's end, and are told when it begins and when it is over", async () => {
    await withBench(async ({ put, run, lease, clock, store }) => {
      put(network());
      for (const name of LEASED) lease(name);
      await run();
      put(network({ nodes: [{ id: "n1" }, { id: "n2" }], links: [link("n1", "n2")] }));
      expect(new Set(poolsIn(await run(), "refresh"))).toEqual(
        new Set(["n1|n3#2", "n1|n3#60", "n2|n3#0", "n2|n3#60", "n3|n3#0", "n11|n3#60"]),
      );
      expect(store.view().configOf(pair("n1|n3"), 60)).toMatchObject({ state: "draining", source: "relay" });
      clock.nowMs += DRAIN_MS;
      const calls = await run();
      expect(new Set(poolsIn(calls, "void"))).toEqual(
        new Set(["n2|n3#0", "n3|n3#0", "n1|n3#2", "n1|n3#60", "n2|n3#60"]),
      );
      expect(poolsIn(calls, "refresh")).toEqual(expect.arrayContaining(["n1|n3#60", "n2|n3#60", "n1|n3#2"]));
      expect(store.view().configOf(pair("n1|n3"), 60)).toMatchObject({ state: "gone" });
    });
  });

  it("stay as they are when a link goes, and hear that it has", async () => {
    await withBench(async ({ put, run, lease, clock, store }) => {
      put(network());
      for (const name of LEASED) lease(name);
      await run();
      put(network({ links: [link("n2", "n3")] }));
      expect(poolsIn(await run(), "refresh")).toEqual(expect.arrayContaining(["n1|n2#0", "n1|n2#60"]));
      expect(store.view().configOf(pair("n1|n2"), 60)).toMatchObject({ state: "active" });
      clock.nowMs += DRAIN_MS;
      expect(new Set(poolsIn(await run(), "void"))).toEqual(new Set(["n1|n2#0"]));
    });
  });

  it("hear of a new policy; one that does not answer holds up none, and is told again", async () => {
    await withBench(async ({ put, run, lease, pools, store, clock }) => {
      put(network());
      const names = Array.from({ length: 3 * LIMITS.relayPoolsTold }, (_, n) => `n1|n3#${100 + n}`);
      for (const name of [...names, "n1|n3#60"]) lease(name);
      await run();
      pools.failing.add("n1|n3#60");
      put(network({ policy: { drain_s: 60, relay: { enabled: false } } }));
      expect(new Set(poolsIn(await run(), "refresh"))).toEqual(new Set([...names, "n1|n3#60", "n1|n2#0", "n2|n3#0"]));
      pools.failing.clear();
      clock.nowMs = store.nextErrandMs() ?? Number.NaN;
      expect(await run()).toEqual(["refresh n1|n3#60"]);
      expect(store.nextErrandMs()).toBeNull();
    });
  });

  it("are counted before a node or an SAE goes", async () => {
    await withBench(async ({ put, pools, errands, lease, store }) => {
      put(network());
      for (const name of LEASED) lease(name);
      await lossesOf(store.view(), valid(network({ saes: [] })), errands);
      expect(poolsIn(pools.calls, "count")).toEqual([
        "n1|n1#0",
        "n1|n2#0",
        "n1|n1#60",
        "n1|n2#60",
        "n1|n3#2",
        "n1|n3#60",
      ]);
      pools.calls.length = 0;
      const without = valid(network({ nodes: [{ id: "n1" }, { id: "n2" }], links: [link("n1", "n2")] }));
      expect(await lossesOf(store.view(), without, errands)).toMatchObject({
        pendingKeys: [
          { kind: "node", id: "n3" },
          { kind: "link", id: "n2-n3" },
        ],
      });
      expect(poolsIn(pools.calls, "count")).toEqual(["n3|n3#0", "n1|n3#2", "n1|n3#60", "n2|n3#60", "n2|n3#0"]);
    });
  });
});

describe("a node", () => {
  it("comes back hosted by somebody else once it has drained, and not before", async () => {
    await withBench(async ({ parts, put, run, clock, store }) => {
      put(network());
      put(network({ nodes: [{ id: "n1" }, { id: "n2" }], links: [link("n1", "n2")] }));
      const theirs = network({ nodes: [{ id: "n1" }, { id: "n2" }, remoteNode("n3")] });
      expect(() => put(theirs)).toThrow(/\/nodes\/2\/remote.*still drains as a node hosted here/u);
      await run();
      clock.nowMs += DRAIN_MS;
      await run();
      expect(parts.store.drains()).toEqual([]);
      put(theirs);
      expect(store.view().configOf(pair("n2|n3"))).toMatchObject({
        state: "active",
        link: "n2-n3",
        remote: { ownNode: "n2", otherNode: "n3", peer: { url: "https://n3.example" } },
      });
    });
  });
});
