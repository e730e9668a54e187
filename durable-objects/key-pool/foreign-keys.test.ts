import { expect, test } from "vitest";
import type { ForeignImportCall, ForeignKeysRpc, ForeignVoidCall } from "../../shared/etsi020/types.ts";
import type { KeyId, NodeId, SaeId } from "../../shared/ids.ts";
import { makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";

const [X, A, B] = ["sae-x", "sae-a", "sae-b"].map((id) => id as SaeId) as [SaeId, SaeId, SaeId];
const newId = () => crypto.randomUUID() as KeyId;

/** A node's own pool, with what a KMS at that node asks of it. */
async function poolOfPeer(policy = {}) {
  const node = `n-${crypto.randomUUID()}` as NodeId;
  const pool = await makePool({ one: node, policy });
  const rpc = () => pool.stub as TestPool["stub"] & ForeignKeysRpc;
  const common = { configVersion: 0, principal: "kms:x", initiator: X };
  return {
    pool,
    take: async (keyIds: KeyId[], more: Partial<ForeignImportCall> = {}) =>
      await rpc().importForeign({
        ...common,
        targets: [A],
        peerNode: node,
        targetNode: node,
        recipients: (more.targets ?? [A]).map((sae) => ({ sae, node })),
        keyIds,
        sizesBytes: keyIds.map(() => 32),
        bytes: randomBytes(keyIds.length * 32),
        ...more,
      }),
    takeBack: async (keyIds: KeyId[] | null, more: Partial<ForeignVoidCall> = {}) => {
      const { outcomes } = await value(rpc().voidForeign({ ...common, targets: [A], keyIds, after: null, ...more }));
      return outcomes.map(({ target, status }) => [target, status]);
    },
    fetch: async (keyIds: KeyId[], sae = A) => await pool.dec(keyIds, { sae, principal: `sae:${sae}`, master: X }),
    units: async () => (await pool.sql<{ n: number }>("SELECT count(*) AS n FROM unit_data"))[0]?.n,
  };
}

test("keys and what is void outlive the object; no byte is left of keys that nobody can have any more", async () => {
  const { pool, take, takeBack, fetch, units } = await poolOfPeer();
  const ids = [newId(), newId(), newId()];
  const bytes = randomBytes(96);
  await value(take(ids, { bytes }));
  expect(await takeBack([ids[0] as KeyId])).toEqual([[A, "voided"]]);
  await pool.evict();
  expect((await value(fetch([ids[2] as KeyId, ids[1] as KeyId]))).bytes).toEqual(
    new Uint8Array([...bytes.subarray(64), ...bytes.subarray(32, 64)]),
  );
  expect(await fetch([ids[0] as KeyId])).toMatchObject({ ok: false, error: { code: "key-not-found" } });
  expect(await units()).toBe(0);
  const status = await pool.status();
  expect([status.conserved, status.importedBits]).toEqual([true, 96 * 8]);
});

test("a key that all its targets have lost or fetched is erased while its neighbours stay", async () => {
  const { take, takeBack, fetch, units } = await poolOfPeer();
  const ids = [newId(), newId()];
  const [first, second] = ids as [KeyId, KeyId];
  await value(take(ids, { targets: [A, B] }));
  await value(fetch([first]));
  expect(await takeBack([first], { targets: [A, B] })).toEqual([
    [A, "failed to void"],
    [B, "voided"],
  ]);
  await value(fetch([second], B));
  expect(await units()).toBe(1);
  expect(await takeBack(null, { targets: [A] })).toEqual(
    expect.arrayContaining([
      [A, "failed to void"],
      [A, "voided"],
    ]),
  );
  expect(await units()).toBe(0);
});

test("all or nothing: one key that may not come keeps the others away", async () => {
  const { take, takeBack, fetch } = await poolOfPeer();
  const [known, other] = [newId(), newId()];
  await takeBack([known]);
  expect(await take([other, known])).toMatchObject({ ok: false, error: { code: "conflict" } });
  expect(await fetch([other])).toMatchObject({ ok: false, error: { code: "key-not-found" } });
  await value(take([other]));
  await value(fetch([other]));
});

test("a key that has expired is not fetched, not taken again, and cannot be taken back", async () => {
  const { pool, take, takeBack, fetch } = await poolOfPeer();
  const [id, bytes] = [newId(), randomBytes(32)];
  await value(take([id], { bytes }));
  await pool.sql("UPDATE key_record SET expires_ms = 1");
  await pool.sql("UPDATE foreign_key SET expires_ms = 1");
  await pool.evict();
  expect(await fetch([id])).toMatchObject({ ok: false, error: { code: "key-not-found" } });
  expect(await take([id], { bytes })).toMatchObject({ ok: false, error: { code: "conflict" } });
  expect(await takeBack([id])).toEqual([[A, "key not present"]]);
});

test("what need not be remembered is forgotten with the next key", async () => {
  const { pool, take } = await poolOfPeer();
  await value(take([newId(), newId()]));
  await pool.sql("UPDATE foreign_key SET forget_ms = 1");
  await value(take([newId()]));
  expect(await pool.sql("SELECT count(*) AS n FROM foreign_key")).toEqual([{ n: 1 }]);
});

test("ours and others' keys are fetched in one request, each where it belongs", async () => {
  const { pool, take } = await poolOfPeer();
  const id = newId();
  await value(take([id], { initiator: "sae-a" as SaeId, targets: [B] }));
  const node = pool.low;
  const ours = await value(pool.enc({ masterNode: node, recipients: [{ sae: B, node }] }));
  const both = await value(pool.dec([...ours.keyIds, id], { sae: B, master: A, principal: "sae:sae-b" }));
  expect(both.keyIds).toEqual([...ours.keyIds, id]);
});
