/** A pool whose two nodes live in two deployments: scripted histories. Random ones: half.property.test.ts. */
import { expect, test } from "vitest";
import { makeHalves } from "../../test/support/in-workerd-halves.ts";
import { code, keysOf, randomBytes, value } from "../../test/support/in-workerd-pool.ts";

const UNIT_BYTES = 4096;

test("a key given at one end is fetched at the other, and both ledgers tell the same", async () => {
  const { low, high, push, settle } = makeHalves();
  await push("a", randomBytes(4 * UNIT_BYTES));
  await settle();
  const given = await value(low.enc({ count: 3 }));
  const back = await value(high.enc({ count: 2, sizeBits: 512 }));
  expect((await high.books()).ledger).toMatchObject({ pending: 3 * 256 + 2 * 512 });
  const fetched = await value(high.dec(given.keyIds));
  expect(keysOf(fetched)).toEqual(keysOf(given));
  expect(keysOf(await value(low.dec(back.keyIds)))).toEqual(keysOf(back));
  await settle();
  for (const half of [low, high]) {
    const { ledger, isConserved } = await half.books();
    expect(isConserved).toBe(true);
    expect(ledger).toMatchObject({ pending: 0, reserved: 0, delivered: 3 * 256 + 2 * 512 });
  }
  expect(await code(high.dec(given.keyIds))).toBe("key-not-found");
});
