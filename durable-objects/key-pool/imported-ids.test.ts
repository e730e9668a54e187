import { expect, test } from "vitest";
import type { KeyId } from "../../shared/ids.ts";
import { batchPrefix, nonceOfPrefix } from "../../shared/keypool/key-id.ts";
import { A, B, makePool, randomBytes, value } from "../../test/support/in-workerd-pool.ts";

const HOUR_MS = 3_600_000;

/** The same but for a digit of the record's number. */
const bent = (id: KeyId): KeyId => (id.slice(0, 31) + (id[31] === "0" ? "1" : "0") + id.slice(32)) as KeyId;

test("a key that came from another pool has one ID in a request: it is not given twice", async () => {
  const [maker, pool] = [await makePool(), await makePool()];
  for (const each of [maker, pool]) await value(each.push("file:0", randomBytes(8192)));
  const [id] = (await value(maker.enc({}))).keyIds as [KeyId];
  const bytes = randomBytes(32);
  await value(
    pool.stub.importKeys({
      configVersion: 0,
      principal: "sae:sae-a",
      master: A.sae,
      masterNode: pool.low,
      recipients: [{ sae: B.sae, node: pool.high }],
      nonce: nonceOfPrefix(batchPrefix(id)),
      mask: new Uint8Array(7),
      keys: 1,
      sizeBytes: bytes.length,
      bytes,
      expiresMs: Date.now() + HOUR_MS,
    }),
  );
  const first = (id.slice(0, 32) + "0000") as KeyId;
  expect(await pool.dec([first, bent(first)])).toMatchObject({ ok: false });
  expect((await value(pool.dec([first]))).bytes).toEqual(bytes);
});
