/** What a half refuses of what the other half tells: each of it changes nothing, and says why. */
import { beforeAll, describe, expect, test } from "vitest";
import type { BlockId, NodeId, SaeId } from "../../shared/ids.ts";
import type { Announcement, Fetched, HalfBatch, HalfMessage } from "../../shared/keypool/half.ts";
import { LIMITS } from "../../shared/limits.ts";
import { lose, ownUnits } from "../../test/support/in-workerd-half-tools.ts";
import { LONG, makeHalves, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { randomBytes, value } from "../../test/support/in-workerd-pool.ts";

const { unitBytes } = LIMITS;
const BLOCK = "a" as BlockId;
/** Seven units: of the last one half. Even ones are the low half's. */
const BLOCK_BYTES = 6.5 * unitBytes;

let low: TestHalf;
let high: TestHalf;
/** The low half's first record: bytes 0 to 32 of unit 0. */
let announced: Announcement;
let batch: HalfBatch;

beforeAll(async () => {
  const halves = makeHalves({}, LONG);
  ({ low, high } = halves);
  await halves.push(BLOCK, randomBytes(BLOCK_BYTES));
  await value(low.push("only here", randomBytes(unitBytes)));
  await halves.settle();
  low.fate = async (send, posted) => {
    batch = posted;
    return await send();
  };
  await value(low.enc());
  announced = batch.messages[0]?.message as Announcement;
  // The high half has used some of its own unit 1, too.
  await value(high.enc());
  await halves.settle();
});

/** The high half's answer to messages of the low half that follow what it has seen. */
async function tell(messages: readonly HalfMessage[], changes: Partial<HalfBatch> = {}) {
  const [state] = await high.sql<{ applied: number; their_generation: number }>("SELECT * FROM half");
  const { applied = 0, their_generation: generation = 0 } = state ?? {};
  const told: HalfBatch = {
    pair: batch.pair,
    shard: 0,
    from: low.node,
    generation,
    settled: applied,
    messages: messages.map((message, i) => ({ seq: applied + 1 + i, message })),
    wantBytes: 0,
    ...changes,
  };
  return { applied, answer: await high.run(async ({ half }) => await half.receive(told)) };
}

const stateOf = async () => ({
  books: await high.books(),
  units: await high.sql("SELECT * FROM unit ORDER BY id"),
  records: await high.sql("SELECT * FROM key_record"),
});

/** Bytes [from, from + 32) of the block, under key IDs of their own. */
let nonces = 0;
const at = (from: number, changes: Partial<Announcement> = {}): Announcement => ({
  ...announced,
  nonce: `${(++nonces).toString(16).padStart(16, "0")}80`,
  segments: [[BLOCK, from, 32]],
  ...changes,
});

const MESSAGES: readonly (readonly [what: string, code: string, message: () => HalfMessage])[] = [
  ["bits of a unit that is not the announcer's", "conflict", () => at(3 * unitBytes)],
  ["bits of this half's own key", "conflict", () => at(unitBytes)],
  ["bits announced before", "conflict", () => at(0)],
  ["bits of which some were announced before", "conflict", () => at(16)],
  [
    "the same bits twice",
    "conflict",
    () =>
      at(0, {
        keys: 2,
        segments: [
          [BLOCK, 64, 32],
          [BLOCK, 64, 32],
        ],
      }),
  ],
  ["bits beyond the end of a short unit", "conflict", () => at(BLOCK_BYTES - 16)],
  ["bits of a block that is not here", "conflict", () => at(0, { segments: [["none" as BlockId, 0, 32]] })],
  [
    "bits of a block that only the announcer has",
    "conflict",
    () => at(0, { segments: [["only here" as BlockId, 0, 32]] }),
  ],
  ["key IDs that are known", "conflict", () => ({ ...at(64), nonce: announced.nonce })],
  ["a segment across two units", "bad-request", () => at(unitBytes - 16)],
  ["segments shorter than the keys", "bad-request", () => at(64, { segments: [[BLOCK, 64, 31]] })],
  [
    "a segment of no length",
    "bad-request",
    () =>
      at(64, {
        segments: [
          [BLOCK, 64, 32],
          [BLOCK, 96, 0],
        ],
      }),
  ],
  ["a negative offset", "bad-request", () => at(-unitBytes)],
  ["bits used as a pad", "bad-request", () => at(64, { use: "pad" })],
  ["keys of a master at this half's node", "bad-request", () => at(64, { masterNode: high.node })],
  ["keys for nobody here", "bad-request", () => at(64, { recipients: [{ sae: "x" as SaeId, node: low.node }] })],
  ["keys for nobody", "bad-request", () => at(64, { recipients: [] })],
  ["keys of another shard", "bad-request", () => at(64, { nonce: "000000000000000081" })],
  ["a nonce that is none", "bad-request", () => at(64, { nonce: "zz" })],
  ["more keys than a request may have", "bad-request", () => at(64, { keys: LIMITS.keysPerRequest + 1 })],
  ["half a byte a key", "bad-request", () => at(64, { keys: 64, sizeBytes: 0.5 })],
  ["a kind of message it does not know", "bad-request", () => ({ kind: "sing" }) as unknown as HalfMessage],
  ["a unit yielded that is its own", "conflict", () => ({ kind: "yield", units: [[BLOCK, 3 * unitBytes]] })],
  ["a unit yielded that is in use", "conflict", () => ({ kind: "yield", units: [[BLOCK, 0]] })],
  [
    "a unit yielded twice",
    "conflict",
    () => ({
      kind: "yield",
      units: [
        [BLOCK, 2 * unitBytes],
        [BLOCK, 2 * unitBytes],
      ],
    }),
  ],
  ["a unit yielded that is not here", "conflict", () => ({ kind: "yield", units: [[BLOCK, 64 * unitBytes]] })],
  [
    "one good unit yielded with a bad one",
    "conflict",
    () => ({
      kind: "yield",
      units: [
        [BLOCK, 2 * unitBytes],
        [BLOCK, 3 * unitBytes],
      ],
    }),
  ],
  [
    "a unit retired that is its own",
    "conflict",
    () => ({ kind: "retire", units: [[BLOCK, 3 * unitBytes]], as: "voided" }),
  ],
  ["a block of another length", "conflict", () => ({ kind: "taken", block: BLOCK, bytes: unitBytes })],
];

test.each(MESSAGES)("refuses %s", async (_what, code, message) => {
  const before = await stateOf();
  const alarms = (await high.alarms()).length;
  const { applied, answer } = await tell([message()]);
  expect(answer).toMatchObject({ ok: true, value: { applied: applied + 1, refused: [{ seq: applied + 1 }] } });
  expect(answer.ok && answer.value.refused[0]?.fault.code).toBe(code);
  expect(await stateOf()).toEqual(before);
  expect((await high.alarms()).length).toBe(code === "conflict" ? 1 : alarms);
  // The other half asks again until it knows: the answer stays the same.
  const again = await tell([], { settled: applied });
  expect(again.answer).toEqual(answer);
});

const fetched = (changes: Partial<Fetched>): Fetched => ({
  kind: "fetched",
  record: 1,
  nonce: "",
  sae: low.sae,
  runs: [[0, 1]],
  ...changes,
});

/** The high half's own record, whose key waits for the low half's SAE. */
async function ownRecord(): Promise<{ readonly id: number; readonly nonce: string }> {
  const sql = "SELECT id, lower(hex(nonce)) AS nonce FROM key_record WHERE announced IS NULL";
  const [own] = await high.sql<{ id: number; nonce: string }>(sql);
  if (own === undefined) throw new Error("the high half has no record of its own");
  return own;
}

describe("refuses a fetch", () => {
  test("by somebody who was given no key, or of a key that was never left", async () => {
    const before = await stateOf();
    const { id: record, nonce } = await ownRecord();
    const { answer } = await tell([fetched({ record, nonce, sae: "sae-x" as SaeId })]);
    expect(answer).toMatchObject({ ok: true, value: { refused: [{ fault: { code: "conflict" } }] } });
    await tell([
      fetched({ record, nonce: "000000000000000080" }),
      fetched({ record: 999 }),
      fetched({ record, nonce, runs: [[7, 4096]] }),
    ]);
    expect(await stateOf()).toEqual(before);
  });

  test("that it has heard of, counting it once", async () => {
    const { id: record, nonce } = await ownRecord();
    const message = fetched({
      record,
      nonce,
      runs: [
        [0, 1],
        [0, 1],
      ],
    });
    const delivered = (await high.books()).ledger.delivered;
    await tell([message]);
    await tell([message]);
    expect((await high.books()).ledger.delivered).toBe(delivered + 256);
  });
});

describe("of batches", () => {
  const void0: HalfMessage = { kind: "void", nonce: "000000000000000080" };

  test.each<[string, Partial<HalfBatch>]>([
    ["another pair's", { pair: "x|y" as HalfBatch["pair"] }],
    ["another shard's", { shard: 1 }],
    ["another node's", { from: "n-3" as NodeId }],
    ["settled beyond its messages", { settled: 1_000_000 }],
    ["of no generation", { generation: 0 }],
    ["asking for less than nothing", { wantBytes: -1 }],
  ])("refuses one that is %s", async (_what, changes) => {
    const before = await stateOf();
    const { answer } = await tell([void0], changes);
    expect(answer).toMatchObject({ ok: false, error: { code: "bad-request" } });
    expect(await stateOf()).toEqual(before);
  });

  test("refuses one with too many messages", async () => {
    const many = Array.from({ length: LIMITS.halfBatchMessages + 1 }, () => void0);
    expect((await tell(many)).answer).toMatchObject({ ok: false, error: { code: "bad-request" } });
  });

  test("leaves what comes too early for later, and does what has come before no second time", async () => {
    const before = await stateOf();
    const { applied } = await tell([]);
    const good = at(2 * unitBytes);
    const early = await tell([], { messages: [{ seq: applied + 2, message: good }] });
    expect(early.answer).toMatchObject({ ok: true, value: { applied } });
    const gap = [1, 3].map((ahead) => ({ seq: applied + ahead, message: ahead === 1 ? void0 : good }));
    expect((await tell([], { messages: gap })).answer).toMatchObject({ ok: true, value: { applied: applied + 1 } });
    expect(await stateOf()).toEqual(before);
    await tell([good]);
    const after = await stateOf();
    expect(after.records).toHaveLength(before.records.length + 1);
    const again = await tell([], { settled: applied, messages: [{ seq: applied + 2, message: good }] });
    expect(again.answer).toMatchObject({ ok: true, value: { applied: applied + 2, refused: [] } });
    expect(await stateOf()).toEqual(after);
  });

  test("takes in the others where one cannot be taken in", async () => {
    const { applied } = await tell([]);
    const broken = { ...at(0), recipients: null } as unknown as HalfMessage;
    const { answer } = await tell([broken, at(2 * unitBytes + 32)]);
    expect(answer).toMatchObject({
      ok: true,
      value: { applied: applied + 2, refused: [{ seq: applied + 1, fault: { code: "internal" } }] },
    });
    expect(await high.alarms()).toContain("stuck");
    expect((await high.books()).isConserved).toBe(true);
  });

  test("gives units once, however often it is asked before they are taken, and not more than half of them", async () => {
    high.fate = lose;
    const owned = async () => (await ownUnits(high)).length;
    const before = await owned();
    const { answer } = await tell([], { wantBytes: 1 });
    expect(answer).toMatchObject({ ok: true, value: { yieldedBytes: unitBytes } });
    expect((await tell([], { wantBytes: 64 * unitBytes })).answer).toEqual(answer);
    expect(await owned()).toBe(before - 1);
  });

  test("takes nothing more of a log that has ended", async () => {
    const anew = [{ seq: 1, message: void0 }];
    const { answer } = await tell([], { generation: 2, settled: 0, messages: anew });
    expect(answer).toMatchObject({ ok: true, value: { applied: 1, refused: [] } });
    const before = await stateOf();
    const ended = await tell([at(2 * unitBytes + 64)], { generation: 1 });
    expect(ended.answer).toMatchObject({ ok: false, error: { code: "conflict" } });
    expect(await stateOf()).toEqual(before);
  });
});
