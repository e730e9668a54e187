/** What a pool notices by itself: sources that are biased, callers that probe. */
import { describe, expect, test } from "vitest";
import type { KeyId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { B, C, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import { ProbeWatch } from "./probe-watch.ts";

const UNKNOWN = "00000000-0000-4000-8000-000000000000" as KeyId;
const alarmsOf = async (pool: TestPool) =>
  (await pool.status()).alarms?.map(({ code, subject, count }) => ({ code, subject, count }));

const biased = (): Uint8Array => new Uint8Array(4096).fill(0x11);

describe("a source whose blocks fail their health tests", () => {
  test("is an alarm, of the end that pushes, until it has given good ones for a while; also across a restart", async () => {
    const pool = await makePool();
    await value(pool.push("good:0", randomBytes(4096)));
    expect(await alarmsOf(pool)).toEqual([]);
    expect(await value(pool.push("bad:0", biased()))).toMatchObject({ outcome: "quarantined", reason: "health" });
    const standing = [{ code: "blocks-biased", subject: pool.low, count: 1 }];
    expect(await alarmsOf(pool)).toEqual(standing);
    expect((await pool.status()).alarms?.[0]?.detail).toMatch(/^bad:0: ones-count 8192, bound \d+/);
    await pool.evict();
    for (let n = 0; n < LIMITS.biasGoodBlocks - 1; n++) await value(pool.push(`fair:${n * 64}`, randomBytes(64)));
    expect(await alarmsOf(pool)).toEqual(standing);
    // The other end's are another source's.
    await value(pool.push("other:0", randomBytes(64), pool.high));
    expect(await alarmsOf(pool)).toEqual(standing);
    await value(pool.push("fair:last", randomBytes(64)));
    expect(await alarmsOf(pool)).toEqual([]);
  });

  test("begins anew with each bad block; the same material again is no sign of bias", async () => {
    const pool = await makePool();
    await value(pool.push("bad:0", biased()));
    for (let n = 0; n < LIMITS.biasGoodBlocks - 1; n++) await value(pool.push(`fair:${n * 64}`, randomBytes(64)));
    await value(pool.push("worse:0", new Uint8Array(4096).fill(0x22)));
    const good = randomBytes(4096);
    await value(pool.push("good:0", good));
    expect(await value(pool.push("again:0", good))).toMatchObject({ reason: "duplicate-material" });
    expect(await alarmsOf(pool)).toEqual([{ code: "blocks-biased", subject: pool.low, count: 2 }]);
  });
});

describe("a caller who asks for keys that are not there, or not its own", () => {
  test("is an alarm once mistakes explain it no more, until an operator clears it", async () => {
    const pool = await makePool();
    await value(pool.push("f:0", randomBytes(4096)));
    const { keyIds } = await value(pool.enc());
    const probe = async (ids = [UNKNOWN], sae = B.sae) => await pool.dec(ids, { sae, principal: `sae:${sae}` });
    for (let n = 0; n < LIMITS.probeWeight - 1; n++) expect((await probe()).ok).toBe(false);
    // Others are counted for themselves, and what is served counts for nothing.
    for (let n = 0; n < 3; n++) await probe(keyIds.slice(), C.sae);
    expect(await alarmsOf(pool)).toEqual([]);
    await probe(keyIds.slice(), C.sae);
    const ofOthers = { code: "key-ids-probed", subject: "sae:sae-c", count: 1 };
    expect(await alarmsOf(pool)).toEqual([ofOthers]);
    expect((await probe(keyIds.slice())).ok).toBe(true);
    expect(await alarmsOf(pool)).toEqual([ofOthers]);
    // A replay: it was fetched before.
    await probe(keyIds.slice());
    expect(await alarmsOf(pool)).toEqual([{ ...ofOthers, subject: "sae:sae-b" }, ofOthers]);
    const call = { configVersion: 0, principal: "operator:op", code: "key-ids-probed" } as const;
    expect(await value(pool.stub.clearAlarms(call))).toEqual({ cleared: 2 });
    expect(await alarmsOf(pool)).toEqual([]);
  });

  test("is counted by the minute, and so many are", () => {
    const watch = new ProbeWatch();
    const many = (principal: string, count: number, nowMs: number) =>
      Array.from({ length: count }, () => watch.refused(principal, "key-not-found", nowMs)).at(-1);
    expect(many("a", LIMITS.probeWeight - 1, 0)).toBe(false);
    expect(many("a", LIMITS.probeWeight - 1, LIMITS.probeMs)).toBe(false);
    expect(many("a", 1, LIMITS.probeMs + 1)).toBe(true);
    expect(watch.refused("b", "not-enough-keys", 0)).toBe(false);
    many("c", LIMITS.probeWeight - 1, 0);
    for (let n = 0; n < LIMITS.cachedUsages; n++) many(`of ${n}`, 1, 0);
    expect(many("c", 1, 0)).toBe(false);
  });
});
