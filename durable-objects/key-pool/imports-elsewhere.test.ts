/** Keys of a multicast for a node of another deployment: between two halves of a pool, over a carrier that may lie. */
import { describe, expect, test } from "vitest";
import { expandRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import { makeNonce, MASK_BYTES } from "../../shared/keypool/key-id.ts";
import type { SealedImport } from "../../shared/keypool/sealed-import.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { fail } from "../../shared/errors/errors.ts";
import { ledgerOf, rowsIn, stocked } from "../../test/support/in-workerd-half-tools.ts";
import type { TestHalf } from "../../test/support/in-workerd-halves.ts";
import { code, keysOf, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { padsAlone } from "../../test/support/in-workerd-refill.ts";
import { canImport, importKeys, voidImport } from "./imports.ts";

const KEYS = 3;
const SIZE_BYTES = 32;
const PAD_BITS = KEYS * SIZE_BYTES * 8;

/** As the pool of its path slave asks for them, whose master is at `half`. */
function multicast(half: TestHalf, bytes = randomBytes(KEYS * SIZE_BYTES)) {
  const nonce = makeNonce(randomBytes(8), 0);
  const mask = randomBytes(MASK_BYTES);
  const call = {
    configVersion: 0,
    principal: "sae:a",
    master: half.sae,
    masterNode: half.node,
    recipients: [{ sae: half.other.sae, node: half.other.node }],
    nonce,
    mask,
    keys: KEYS,
    sizeBytes: SIZE_BYTES,
    bytes,
    expiresMs: Date.now() + 60_000,
  };
  return { call, keyIds: expandRun(writeKeyIds(nonce, mask, 77, KEYS)), bytes: Uint8Array.from(bytes) };
}

const hand = async (half: TestHalf, { call }: ReturnType<typeof multicast>): PoolResult<null> =>
  await half.run(async ({ pool }) => await importKeys(pool, call, padsAlone(pool)));
const takeBack = async (half: TestHalf, nonce: Uint8Array): PoolResult<null> =>
  await half.run(async ({ pool }) => await voidImport(pool, nonce));

describe("keys for a node of another deployment", () => {
  test("are fetched there, once, and cost pad and tag of both halves", async () => {
    const { low, high, both, settle } = await stocked(4);
    for (const half of both) {
      const keys = multicast(half);
      const asked = { configVersion: 0, bytes: keys.bytes.length };
      await value(half.run(async ({ pool }) => await canImport(pool, asked, padsAlone(pool))));
      await value(hand(half, keys));
      const fetched = await value(half.other.dec(keys.keyIds));
      expect(Buffer.from(fetched.bytes).equals(keys.bytes), "equal at both ends").toBe(true);
      expect(await code(half.other.dec(keys.keyIds))).toBe("key-not-found");
      await settle();
    }
    for (const half of [low, high]) {
      const { ledger, isConserved } = await half.books();
      expect(isConserved).toBe(true);
      expect(ledger).toMatchObject({ pending: 0, reserved: 0, delivered: 0, pad: 2 * PAD_BITS, tag: 512 });
      expect([await rowsIn(half, "key_record"), await rowsIn(half, "key_import")]).toEqual([0, 0]);
      expect(await half.alarms()).toEqual([]);
    }
  });

  test("that are changed on the way, in whatever is said of them, are refused and raise an alarm", async () => {
    const changes: ((sealed: SealedImport) => Partial<SealedImport>)[] = [
      ({ ciphertext }) => ({ ciphertext: ciphertext.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) }),
      ({ tag }) => ({ tag: tag.map((byte) => byte ^ 1) }),
      ({ expiresMs }) => ({ expiresMs: expiresMs + 1 }),
      ({ recipients }) => ({ recipients: [...recipients, ...recipients] }),
      ({ mask }) => ({ mask: mask.replace(/^./, (digit) => (digit === "0" ? "1" : "0")) }),
      ({ master }) => ({ master: `${master}x` as typeof master }),
    ];
    const { low, high } = await stocked(4);
    const { handOver } = low;
    for (const change of changes) {
      low.handOver = async (sealed) => await handOver({ ...sealed, ...change(sealed) });
      const keys = multicast(low);
      expect(await code(hand(low, keys))).toBe("forbidden");
      expect(await code(high.dec(keys.keyIds))).toBe("key-not-found");
    }
    expect(await high.alarms()).toEqual(["halves-disagree"]);
    expect(await rowsIn(high, "key_import")).toBe(0);
  });

  test("of another pool, size or number are refused before any bit is taken", async () => {
    const { low, high } = await stocked(4);
    const { handOver } = low;
    const changes: Partial<SealedImport>[] = [
      { shard: 1 },
      { from: high.node },
      { keys: KEYS + 1 },
      { sizeBytes: 0 },
      { nonce: "00" },
      { recipients: [{ sae: low.sae, node: low.node }] },
      { tag: new Uint8Array(15) },
    ];
    for (const change of changes) {
      low.handOver = async (sealed) => await handOver({ ...sealed, ...change });
      expect(await code(hand(low, multicast(low)))).toBe("bad-request");
    }
    expect((await ledgerOf(high)).pad).toBe(0);
  });

  test("come once: the same again finds no pad, and takes nothing from the first", async () => {
    const { low, high } = await stocked(4);
    const { handOver } = low;
    const keys = multicast(low);
    low.handOver = async (sealed) => {
      await value(handOver(sealed));
      expect(await code(handOver(sealed))).toBe("key-not-found");
      return await handOver(sealed);
    };
    expect(await code(hand(low, keys))).toBe("key-not-found");
    expect(keysOf(await value(high.dec(keys.keyIds)))).toHaveLength(KEYS);
  });

  test("are taken back, whether they came or not, as often as one likes", async () => {
    const { low, high } = await stocked(4);
    const keys = multicast(low);
    await value(takeBack(low, keys.call.nonce));
    await value(hand(low, keys));
    await value(takeBack(low, keys.call.nonce));
    await value(takeBack(low, keys.call.nonce));
    expect(await code(high.dec(keys.keyIds))).toBe("key-not-found");
    // Keys that the other half has announced are none of its imports.
    const given = await value(high.enc());
    const nonce = await high.sql<{ nonce: ArrayBuffer }>("SELECT nonce FROM key_record");
    await value(takeBack(high, new Uint8Array(nonce[0]?.nonce ?? new ArrayBuffer())));
    expect(keysOf(await value(low.dec(given.keyIds)))).toHaveLength(1);
  });

  test("are nobody's where the carrier is silent; too many at once are refused", async () => {
    const { low, high } = await stocked(4);
    low.handOver = async () => fail("unavailable", "cannot be reached");
    const keys = multicast(low);
    expect(await code(hand(low, keys))).toBe("unavailable");
    expect(await code(high.dec(keys.keyIds))).toBe("key-not-found");
    const asked = { configVersion: 0, bytes: LIMITS.relayBytes + 1 };
    expect(await code(low.run(async ({ pool }) => await canImport(pool, asked, padsAlone(pool))))).toBe("bad-request");
  });
});
