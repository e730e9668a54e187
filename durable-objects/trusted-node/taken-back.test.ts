/** An initiator dies between two steps of a relay: what the target has of it is taken back at once, and stays so. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { call, post, setUp, token } from "../../test/support/in-workerd-network.ts";
import { fail } from "../../shared/errors/errors.ts";
import { tokenSha256 } from "../../shared/auth/token.ts";
import { type NodeId, type PairName, poolName } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import { sealFirstHop } from "../../shared/relay/hop.ts";
import type { RelayId, RelayStep, RelayTerms } from "../../shared/relay/types.ts";
import type { ObjectsEnv } from "../env.ts";
import { KeyPool } from "../key-pool/key-pool.ts";
import { TrustedNode } from "./trusted-node.ts";

const objects = env as unknown as ObjectsEnv;
const PATH = ["n1", "n2", "n3"] as NodeId[];
const [INITIATOR, BETWEEN, TARGET] = PATH as [NodeId, NodeId, NodeId];
const PAIR = "n1|n3" as PairName;
const SHARD = relayShardOf(1);
const NETWORK: NetworkDocumentInput = {
  nodes: PATH.map((id) => ({ id })),
  links: ["n1-n2", "n2-n3"].map((id) => ({
    id,
    nodes: id.split("-") as [string, string],
    source: "push",
    feed: "one-ended",
    health: "accept",
    key_rate_bps: 0,
  })),
  saes: PATH.map((node) => ({
    id: `sae-${node}`,
    node,
    credentials: [{ type: "token", sha256: tokenSha256(token(`sae-${node}`)) }],
  })),
  operators: [{ id: "op", credentials: [{ type: "token", sha256: tokenSha256(token("op")) }] }],
  policy: { pool: { capacity_bytes: 1024 * 1024, high_bytes: 262_144, low_bytes: 4096 } },
};

const nodeAt = (node: NodeId) => objects.TRUSTED_NODE.getByName(node);
const crash = async (node: NodeId): Promise<void> => {
  const stub = nodeAt(node) as unknown as DurableObjectStub<TrustedNode>;
  await runInDurableObject(stub, (_, state) => state.abort("crash")).catch(() => null);
};
const ledger = async () => {
  const status = await objects.KEY_POOL.getByName(poolName(PAIR, SHARD)).status({ configVersion: 0, principal: "x" });
  if (!status.ok) throw new Error(status.error.message);
  const { unmatched, available, voided } = status.value.ledgerBits;
  expect([status.value.conserved, status.value.alarms]).toEqual([true, []]);
  return { unmatched, available, voided };
};

/** The initiator's part until the target has stored the key; then it is dead. */
async function relayedAndDied(): Promise<{ readonly terms: RelayTerms; readonly key: Uint8Array; last: RelayStep }> {
  const terms: RelayTerms = {
    relay: crypto.randomUUID() as RelayId,
    pair: PAIR,
    shard: SHARD,
    path: PATH,
    share: [0, 1],
    bytes: 32,
    expiresMs: Date.now() + 8000,
  };
  const link = objects.KEY_POOL.getByName("n1|n2#0");
  const drawn = await link.drawHop({ configVersion: 0, node: INITIATOR, terms });
  if (!drawn.ok) throw new Error(drawn.error.message);
  const sealed = sealFirstHop(terms, drawn.value.draw, drawn.value.bytes);
  if (!sealed.ok) throw new Error(sealed.error);
  const onward = await nodeAt(BETWEEN).step({ terms, position: 1, message: sealed.value.message });
  if (!onward.ok || onward.value.outcome !== "onward") throw new Error(JSON.stringify(onward));
  const last = { terms, position: 2, message: onward.value.message };
  expect(await nodeAt(TARGET).step(last)).toEqual({ ok: true, value: { outcome: "stored" } });
  return { terms, key: sealed.value.key, last };
}

const storedLate = async ({ relay }: RelayTerms, key: Uint8Array) =>
  await objects.KEY_POOL.getByName(poolName(PAIR, SHARD)).ingest({
    configVersion: 0,
    principal: "relay",
    block: blockOfRelay(relay),
    node: INITIATOR,
    bytes: key,
    relayed: { relay, paths: [PATH] },
  });

beforeAll(async () => {
  await setUp(0, NETWORK);
  for (const id of ["n1-n2", "n2-n3"]) {
    const pushed = await call(`/api/v1/links/${id}/blocks/f:0?node=${id.slice(0, 2)}`, {
      as: "op",
      method: "PUT",
      body: crypto.getRandomValues(new Uint8Array(65_536)),
    });
    expect(pushed.status).toBe(201);
  }
});

describe("a relay whose initiator took it back", () => {
  test("is out of the target's pool, though the target crashed, too; what is late changes nothing", async () => {
    const before = await ledger();
    const { terms, key, last } = await relayedAndDied();
    // It may be held in memory first: first-halves.test.ts has it taken back from there.
    await expect.poll(async () => (await ledger()).unmatched).toBe(256);
    await crash(TARGET);
    const answers = vi.spyOn(TrustedNode.prototype, "voidRelay");
    for (let again = 0; again < 2; again++) {
      expect(await nodeAt(TARGET).voidRelay({ terms })).toEqual({ ok: true, value: null });
    }
    // Of the pool's making, and passed on as the node's own: the caller need not dispose of it.
    const passedOn = answers.mock.settledResults.map(({ value: answer }) => Symbol.dispose in (answer as object));
    expect(passedOn).toEqual([false, false]);
    answers.mockRestore();
    expect(await ledger()).toEqual({ ...before, voided: before.voided + 256 });
    expect(await nodeAt(TARGET).step(last)).toMatchObject({ ok: false, error: { code: "conflict" } });
    expect(await storedLate(terms, key)).toMatchObject({ ok: true, value: { outcome: "already-ingested" } });
    expect(await ledger()).toEqual({ ...before, voided: before.voided + 256 });
  });

  test("stays where both ends have it", async () => {
    const { terms, key } = await relayedAndDied();
    expect(await storedLate(terms, key)).toMatchObject({ ok: true, value: { outcome: "ingested" } });
    const before = await ledger();
    expect(await nodeAt(TARGET).voidRelay({ terms })).toEqual({ ok: true, value: null });
    expect(await ledger()).toEqual(before);
  });
});

const wanted = async () => (await post("/api/v1/keys/sae-n3/enc_keys", "sae-n1", { number: 64 })).status;

/** When it would put its half into the pool; the target's is there. */
function onOwnHalf(fate: () => Promise<void>): { leftBits: number } {
  const met = { leftBits: 0 };
  // oxlint-disable-next-line typescript/unbound-method -- called for the pool that is asked
  const { ingest } = KeyPool.prototype;
  const spy = vi.spyOn(KeyPool.prototype, "ingest");
  spy.mockImplementation(async function (this: KeyPool, block) {
    if (block.node !== INITIATOR) return await ingest.call(this, block);
    spy.mockRestore();
    await expect.poll(async () => (met.leftBits = (await ledger()).unmatched)).toBeGreaterThan(0);
    await fate();
    return fail("unavailable", "the pool is not there");
  });
  return met;
}

describe("an initiator", () => {
  test("that cannot keep the key has the target give it back at once", async () => {
    const before = await ledger();
    const met = onOwnHalf(async () => {});
    expect(await wanted()).toBe(503);
    expect(met.leftBits).toBeGreaterThan(0);
    await expect.poll(ledger).toMatchObject({ unmatched: 0, voided: before.voided + met.leftBits });
  });

  test("that comes back after a crash has what it left taken back, before it relays anew", async () => {
    const before = await ledger();
    const met = onOwnHalf(async () => await crash(INITIATOR));
    // What failed a moment ago is not tried again at once.
    await expect.poll(async () => (await wanted()) > 0 && met.leftBits > 0).toBe(true);
    await expect.poll(wanted).toBe(200);
    // More than that where another relay was under way when it crashed.
    await expect.poll(async () => (await ledger()).unmatched).toBe(0);
    expect((await ledger()).voided).toBeGreaterThanOrEqual(before.voided + met.leftBits);
  });
});
