import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMITS } from "../limits.ts";
import { negotiate, type QosBounds } from "./negotiate.ts";
import { METADATA_MIMETYPE, NO_WISHES, type Qos } from "./qos.ts";

const BOUNDS: QosBounds = { minChunkBytes: 8, defaultChunkBytes: 32, maxChunkBytes: 512, unreservedBps: 1000 };
const got = (asked: Partial<Qos>) => negotiate({ ...NO_WISHES, ...asked }, BOUNDS);

describe("QoS", () => {
  it("is the system's where nothing is wished for", () => {
    const { qos, met } = got({});
    expect(met).toBe(true);
    expect(qos).toMatchObject({
      chunkBytes: 32,
      timeoutMs: LIMITS.streamDefaultTimeoutMs,
      ttlSeconds: LIMITS.streamDefaultTtlSeconds,
    });
  });

  it.each<[Partial<Qos>, Partial<Qos>]>([
    [{ chunkBytes: 7 }, { chunkBytes: 8 }],
    [{ chunkBytes: 513 }, { chunkBytes: 512 }],
    [{ minBps: 1001 }, { minBps: 900 }],
    [
      { minBps: 950, chunkBytes: 1 },
      { minBps: 900, chunkBytes: 8 },
    ],
    [
      { minBps: 500, maxBps: 100 },
      { minBps: 500, maxBps: 500 },
    ],
    [{ timeoutMs: LIMITS.streamTimeoutMs + 1 }, { timeoutMs: LIMITS.streamTimeoutMs }],
    [{ ttlSeconds: LIMITS.streamTtlSeconds + 1 }, { ttlSeconds: LIMITS.streamTtlSeconds }],
    [{ metadataMimetype: "x/unknown" }, { metadataMimetype: METADATA_MIMETYPE }],
  ])("%j cannot be had, %j can", (asked, offered) => {
    const { qos, met } = got(asked);
    expect(met).toBe(false);
    expect(qos).toMatchObject(offered);
  });

  it.each<Partial<Qos>>([{ minBps: 1000 }, { metadataMimetype: "" }, { minBps: 10, maxBps: 10 }, { chunkBytes: 512 }])(
    "%j can be had",
    (asked) => {
      const { qos, met } = got(asked);
      expect([qos, met]).toEqual([{ ...qos, ...asked }, true]);
    },
  );

  it("is met when what was offered is asked for, though the pair can give a little less by then", () => {
    const number = fc.integer({ min: 0, max: 0xffff_ffff });
    const asked = fc.record({
      chunkBytes: number,
      maxBps: number,
      minBps: number,
      jitterBps: number,
      priority: number,
      timeoutMs: number,
      ttlSeconds: number,
      metadataMimetype: fc.constantFrom("", METADATA_MIMETYPE, "x/y"),
    });
    fc.assert(
      fc.property(asked, fc.double({ min: 0, max: 1e9, noNaN: true }), (wish, unreservedBps) => {
        const first = negotiate(wish, { ...BOUNDS, unreservedBps });
        if (first.met) return;
        const again = negotiate(first.qos, { ...BOUNDS, unreservedBps: unreservedBps * 0.91 });
        expect(again).toEqual({ qos: first.qos, met: true });
      }),
    );
  });
});
