import { expect, test } from "vitest";
import type { KeyId } from "../../shared/ids.ts";
import { batchPrefix, nonceOfPrefix } from "../../shared/keypool/key-id.ts";
import { makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";

/** The same but for a digit of the record's number. */
const bent = (id: KeyId): KeyId => (id.slice(0, 31) + (id[31] === "0" ? "1" : "0") + id.slice(32)) as KeyId;

test("a key that came from another pool has one ID in a request: it is not given twice", async () => {
  const [maker, pool] = [await makePool(), await makePool()];
  for (const each of [maker, pool]) await value(each.push("file:0", randomBytes(8192)));
  const [id] = (await value(maker.enc({}))).keyIds as [KeyId];
  const bytes = randomBytes(32);
  await value(pool.importKeys({ nonce: nonceOfPrefix(batchPrefix(id)), mask: new Uint8Array(7), keys: 1, bytes }));
  const first = (id.slice(0, 32) + "0000") as KeyId;
  expect(await pool.dec([first, bent(first)])).toMatchObject({ ok: false });
  expect((await value(pool.dec([first]))).bytes).toEqual(bytes);
});
