import * as v from "valibot";
import { expect, test } from "vitest";
import { HealthReportSchema, LinkAlarmSchema } from "../api/schemas.ts";
import { assessHealth } from "../health/health.ts";
import type { LinkId, NodeId, PairName, SaeId } from "../ids.ts";
import { alarmsInFull } from "../keypool/alarm-body.ts";
import { BIT_STATES, type Ledger, type PoolStatus } from "../keypool/types.ts";
import { NetworkDocumentSchema } from "../network/document.ts";
import { statusExtension, statusObject } from "./status.ts";
import { StatusSchema } from "./status-schema.ts";

const { policy } = v.parse(NetworkDocumentSchema, { nodes: [], links: [], saes: [], operators: [] });
const ledger = (change: Partial<Ledger>): Ledger =>
  ({ ...Object.fromEntries(BIT_STATES.map((state) => [state, 0])), ...change }) as Ledger;
const pool = (shard: number, available: number, conserved: boolean): PoolStatus => ({
  pair: "tn-1|tn-2" as PairName,
  shard,
  link: "l" as LinkId,
  state: "active",
  source: "push",
  simulated: shard === 1,
  custody: "edge",
  ledgerBits: ledger({ available, delivered: 8 }),
  ingestedBits: available + 8,
  transferredBits: 0,
  importedBits: 0,
  conserved,
  level: shard === 0 ? "low" : "normal",
  health: { blocks: 1, quarantinedBlocks: 0, last: null },
});
const facts = {
  sourceKme: "kme-1",
  targetKme: "kme-2",
  master: "a" as SaeId,
  slave: "b" as SaeId,
  policy,
  link: "l" as LinkId,
};

test("sums the shards, counts in keys of the default size, rounded down", () => {
  const status = statusObject({ ...facts, pools: [pool(0, 255, true), pool(1, 300, true)] });
  v.parse(StatusSchema, status);
  expect(status).toMatchObject({
    source_KME_ID: "kme-1",
    target_KME_ID: "kme-2",
    master_SAE_ID: "a",
    slave_SAE_ID: "b",
  });
  expect(status).toMatchObject({ key_size: 256, min_key_size: 64, max_key_size: 4096, max_key_per_request: 128 });
  expect(status.stored_key_count).toBe(2);
  expect(status.max_key_count).toBe((2 * policy.pool.capacity_bytes * 8) / 256);
  expect(status.status_extension?.["qkdedge"]).toMatchObject({
    link: "l",
    conserved: true,
    simulated: true,
    level: "normal",
    ingested_bits: 571,
    ledger_bits: { available: 555, delivered: 16 },
    shards: [{ shard: 0, available_bits: 255 }, { shard: 1 }],
  });
});

test("watermarks, and rates of those shards that know theirs", () => {
  const watermarks = { lowBytes: 10, highBytes: 20 };
  const flowing = (shard: number, refillBps: number, consumptionBps: number): PoolStatus => ({
    ...pool(shard, 300, true),
    watermarks,
    rates: { refillBps, consumptionBps },
  });
  const told = statusExtension(
    [flowing(0, 10, 5), flowing(1, 0, 25), { ...pool(2, 40, true), rates: null }],
    facts.link,
  );
  expect(told).toMatchObject({
    watermarks: { low_bytes: 10, high_bytes: 20 },
    refill_rate_bps: 10,
    consumption_rate_bps: 30,
    time_to_empty_s: 32,
  });
  // Shards of the release before tell none of it; where keys are made on demand nothing runs empty.
  const unknown = { refill_rate_bps: null, consumption_rate_bps: null, time_to_empty_s: null };
  expect(statusExtension([pool(0, 300, true)], facts.link)).toMatchObject({ watermarks: null, ...unknown });
  expect(statusExtension([{ ...flowing(0, 0, 9), source: "local" }], null)).toMatchObject({ time_to_empty_s: null });
});

test("health figures are written as those of a pushed block's answer", () => {
  const last = assessHealth(new Uint8Array(4));
  const pools = [{ ...pool(0, 8, true), health: { blocks: 1, quarantinedBlocks: 1, last } }];
  const { health } = statusExtension(pools, facts.link);
  expect(health).toMatchObject({ quarantined_blocks: 1, last: { bits: 32, passed: false } });
  expect(v.parse(v.strictObject(HealthReportSchema.entries), health.last)).toEqual(health.last);
});

test("of alarms an SAE sees codes and times, not what they are about", () => {
  const alarm = { code: "twin-mismatch", subject: "secret.cor", firstMs: 1000, lastMs: 5000, count: 2 } as const;
  const pools = [
    { ...pool(0, 8, true), alarms: [{ ...alarm, detail: "tn-1 and tn-2 differ" }] },
    { ...pool(1, 8, true), alarms: [{ ...alarm, subject: "other.cor", firstMs: 0, lastMs: 3000, detail: "" }] },
  ];
  expect(statusExtension(pools, facts.link).alarms).toEqual([
    { code: "twin-mismatch", first: "1970-01-01T00:00:00.000Z", last: "1970-01-01T00:00:05.000Z" },
  ]);
  expect(alarmsInFull(pools)).toMatchObject([
    { shard: 0, subject: "secret.cor", count: 2, detail: "tn-1 and tn-2 differ" },
    { shard: 1, subject: "other.cor" },
  ]);
  for (const each of alarmsInFull(pools)) expect(v.parse(v.strictObject(LinkAlarmSchema.entries), each)).toEqual(each);
  // A pool of the release before tells of none.
  expect(statusExtension([pool(0, 8, true)], facts.link).alarms).toEqual([]);
});

test("one shard out of balance shows", () => {
  const status = statusObject({ ...facts, pools: [pool(0, 8, true), pool(1, 8, false)] });
  expect(status.status_extension?.["qkdedge"]).toMatchObject({ conserved: false, health: { blocks: 2 } });
});

test("within one node keys are made on demand, so as many are ready as fit", () => {
  const status = statusObject({ ...facts, link: null, pools: [{ ...pool(0, 0, true), link: null, source: "local" }] });
  expect(status.stored_key_count).toBe(status.max_key_count);
  expect(status.max_key_count).toBeGreaterThan(0);
});

test("of relayed keys: the paths there are, what is cut, and how what lies there came", () => {
  const [n1, n2, n3] = ["n1", "n2", "n3"] as NodeId[];
  const path = { nodes: [n1!, n2!, n3!], links: ["n1-n2", "n2-n3"] as LinkId[], cost: 2.5 };
  const kept = {
    ...pool(60, 8, true),
    relay: {
      hops: { min: 2, max: 3 },
      targetBytes: 4096,
      lastFault: { code: "link-budget", message: "n1-n2 has none to spare", atMs: 1000 },
      lastPaths: [path.nodes],
    },
  } as const;
  const route = { paths: [path], cut: [], custody: "within-deployment" } as const;
  expect(statusExtension([kept], null, { disjointPaths: 1, route })).toMatchObject({
    relay: {
      disjoint_paths: 1,
      custody: "within-deployment",
      paths: [{ nodes: ["n1", "n2", "n3"], links: ["n1-n2", "n2-n3"], hops: 2, cost: 2.5 }],
      cut: [],
      stored_hops: { min: 2, max: 3 },
      last_paths: [["n1", "n2", "n3"]],
      target_bytes: 4096,
      last_fault: { code: "link-budget", message: "n1-n2 has none to spare", at: "1970-01-01T00:00:01.000Z" },
    },
  });
  // The node that knows the paths does not answer, and the pool is of the release before.
  const nothing = { custody: null, paths: null, cut: null, stored_hops: null, last_paths: null, last_fault: null };
  const untold = statusExtension([pool(60, 8, true)], null, { disjointPaths: 2, route: null });
  expect(untold).toMatchObject({ relay: { disjoint_paths: 2, ...nothing, target_bytes: null } });
  expect(statusExtension([pool(0, 8, true)], facts.link)).not.toHaveProperty("relay");
});
