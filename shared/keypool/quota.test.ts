import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LinkId, SaeId } from "../ids.ts";
import type { Policy } from "../network/document.ts";
import { hasQuotas, NO_USAGE, type Quota, quotaOf, refusalOf, taken, type Usage } from "./quota.ts";

const A = "sae-a" as SaeId;
const B = "sae-b" as SaeId;
const L = "l-1" as LinkId;
const M = "l-2" as LinkId;
const DAY_MS = 24 * 3600 * 1000;
const wish = (keys: number) => ({ keys, bits: keys * 256 });
const UNLIMITED: Quota = { keysPerDay: Infinity, poolShare: 1 };

describe("the quota of an SAE over a link", () => {
  const policy: Pick<Policy, "quota" | "quotas"> = {
    quota: { keys_per_day: 100, pool_share: 0.5 },
    quotas: [
      { link: L, keys_per_day: 50, pool_share: 0.25 },
      { sae: A, keys_per_day: 0 },
      { sae: A, link: L, pool_share: 0.75 },
    ],
  };

  test.each([
    ["SAE and link", A, L, { keysPerDay: Infinity, poolShare: 0.75 }],
    ["SAE", A, M, { keysPerDay: Infinity, poolShare: 0.5 }],
    ["link", B, L, { keysPerDay: 50, poolShare: 0.25 }],
    ["default", B, M, { keysPerDay: 100, poolShare: 0.5 }],
    ["within one node", B, null, { keysPerDay: 100, poolShare: 0.5 }],
  ])("%s: the most specific entry that says something counts", (_, sae, link, quota) => {
    expect(quotaOf(policy, sae, link)).toEqual(quota);
  });

  test("does not depend on the order of the entries", () => {
    const quotas = policy.quotas ?? [];
    expect(quotaOf({ ...policy, quotas: quotas.toReversed() }, A, L)).toEqual(quotaOf(policy, A, L));
  });

  test("is none by default", () => {
    expect(quotaOf({}, A, L)).toEqual(UNLIMITED);
    expect(hasQuotas({}, L)).toBe(false);
    expect(hasQuotas({ quota: { keys_per_day: 0, pool_share: 1 }, quotas: [{ sae: A }] }, L)).toBe(false);
    expect(hasQuotas({ quotas: [{ link: L, keys_per_day: 1 }] }, M)).toBe(false);
    expect(hasQuotas({ quotas: [{ link: L, keys_per_day: 1 }] }, L)).toBe(true);
    expect(hasQuotas({ quotas: [{ sae: A, pool_share: 0 }] }, null)).toBe(true);
  });
});

describe("keys a day", () => {
  const quota: Quota = { ...UNLIMITED, keysPerDay: 10 };

  test("the client is told which quota it is, and when the next day begins", () => {
    const nowMs = 5 * DAY_MS - 1500;
    const usage: Usage = { day: 4, keysToday: 8, pendingBits: 0 };
    const now = { materialBits: 0, nowMs };
    expect(refusalOf(quota, usage, wish(2), now)).toBeNull();
    expect(refusalOf(quota, usage, wish(3), now)).toEqual({
      quota: "keys_per_day",
      message: "quota: 10 keys a day",
      retryAfterSeconds: 2,
    });
    expect(refusalOf(quota, usage, wish(3), { ...now, nowMs: nowMs + 2000 })).toBeNull();
  });

  test("who asks for more than a day's is never told to come again", () => {
    const refusal = refusalOf(quota, NO_USAGE, wish(11), { materialBits: 0, nowMs: 0 });
    expect(refusal).toMatchObject({ message: "quota: 10 keys a day, and 11 were asked for", retryAfterSeconds: null });
  });

  test("no day sees more keys than the quota, whenever they are asked for, and the time told is right", () => {
    const asks = fc.array(fc.record({ keys: fc.integer({ min: 1, max: 10 }), stepMs: fc.nat(DAY_MS / 3) }));
    fc.assert(
      fc.property(asks, (all) => {
        let usage = NO_USAGE;
        let nowMs = 0;
        const keysOn = new Map<number, number>();
        for (const { keys, stepMs } of all) {
          nowMs += stepMs;
          const refusal = refusalOf(quota, usage, wish(keys), { materialBits: 0, nowMs });
          if (refusal !== null) {
            const againMs = nowMs + (refusal.retryAfterSeconds ?? 0) * 1000;
            expect(refusalOf(quota, usage, wish(keys), { materialBits: 0, nowMs: againMs })).toBeNull();
            continue;
          }
          usage = taken(usage, wish(keys), nowMs);
          const day = Math.floor(nowMs / DAY_MS);
          keysOn.set(day, (keysOn.get(day) ?? 0) + keys);
          expect(keysOn.get(day)).toBeLessThanOrEqual(10);
          expect(usage.keysToday).toBe(keysOn.get(day));
        }
      }),
    );
  });

  test("a clock that is set back begins no new day", () => {
    const usage: Usage = { day: 4, keysToday: 10, pendingBits: 0 };
    expect(refusalOf(quota, usage, wish(1), { materialBits: 0, nowMs: 3 * DAY_MS })).toMatchObject({
      retryAfterSeconds: (2 * DAY_MS) / 1000,
    });
    expect(taken(usage, wish(1), 3 * DAY_MS)).toMatchObject({ day: 4, keysToday: 11 });
  });
});

describe("share of the pool", () => {
  test("says how large it is", () => {
    const usage: Usage = { day: 0, keysToday: 0, pendingBits: 33 };
    expect(
      refusalOf({ ...UNLIMITED, poolShare: 1 / 3 }, usage, { keys: 1, bits: 1 }, { materialBits: 100, nowMs: 0 }),
    ).toEqual({
      quota: "pool_share",
      message: "quota: keys not yet fetched may hold 33.33% of the pool",
      retryAfterSeconds: 1,
    });
  });

  test("nobody ever takes beyond its own, whatever the others do; what is delivered makes room", () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant("take" as const), who: fc.nat(2), bits: fc.integer({ min: 1, max: 300 }) }),
      fc.record({ do: fc.constant("deliver" as const), who: fc.nat(2), bits: fc.integer({ min: 1, max: 300 }) }),
    );
    const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(shares, fc.array(step, { maxLength: 100 }), (poolShares, steps) => {
        let available = 1000;
        const usages = [NO_USAGE, NO_USAGE, NO_USAGE];
        const material = () => available + usages.reduce((sum, { pendingBits }) => sum + pendingBits, 0);
        for (const { do: what, who, bits } of steps) {
          const usage = usages[who] ?? NO_USAGE;
          if (what === "deliver") {
            usages[who] = { ...usage, pendingBits: Math.max(0, usage.pendingBits - bits) };
            continue;
          }
          const quota = { ...UNLIMITED, poolShare: poolShares[who] ?? 1 };
          const before = material();
          if (
            bits > available ||
            refusalOf(quota, usage, { keys: 1, bits }, { materialBits: before, nowMs: 0 }) !== null
          ) {
            continue;
          }
          usages[who] = taken(usage, { keys: 1, bits }, 0);
          available -= bits;
          expect(material()).toBe(before);
          expect(usages[who]?.pendingBits).toBeLessThanOrEqual(quota.poolShare * before);
        }
      }),
    );
  });
});
