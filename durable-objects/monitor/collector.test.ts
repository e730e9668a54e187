import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { PairName } from "../../shared/ids.ts";
import type { WatchedNetwork } from "../../shared/monitor/network.ts";
import type { ObjectsEnv } from "../env.ts";
import { Collector } from "./collector.ts";

const PAIR = { pair: "a|b" as PairName, shard: 60 };
const NETWORK: WatchedNetwork = {
  sequence: 1,
  documentVersion: 1,
  name: "",
  isRelayEnabled: true,
  poolCapacityBytes: 1,
  nodes: [],
  links: [],
  sites: [],
  webhooks: [],
};

/** With a Directory that is there, or not. */
function deployment() {
  const directory = { isThere: false, asked: 0 };
  const relayPools = async () => {
    directory.asked += 1;
    if (!directory.isThere) throw new Error("the directory is away");
    return await Promise.resolve({ pools: [PAIR], next: null });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of the Directory nothing else is asked here
  const objects = { ...env, DIRECTORY: { getByName: () => ({ relayPools }) } } as unknown as ObjectsEnv;
  return { directory, collector: new Collector(objects) };
}

test("which pairs there are is not known before the Directory has told, and stays known without it", async () => {
  const { directory, collector } = deployment();
  await collector.collect(NETWORK);
  expect(collector.pairs).toBeNull();
  directory.isThere = true;
  await collector.collect(NETWORK);
  expect(collector.pairs).toEqual([PAIR]);
  directory.isThere = false;
  collector.nudged();
  await collector.collect(NETWORK);
  expect(collector.pairs).toEqual([PAIR]);
});

test("the Directory is not asked with every sample, but after a nudge", async () => {
  const { directory, collector } = deployment();
  directory.isThere = true;
  for (let sample = 0; sample < 5; sample++) await collector.collect(NETWORK);
  expect(directory.asked).toBe(1);
  collector.nudged();
  await collector.collect(NETWORK);
  expect(directory.asked).toBe(2);
});

test("a log that has not answered yet is told from one with which nothing is amiss", async () => {
  const log = { isThere: false };
  const latest = async () => {
    if (!log.isThere) throw new Error("the log is away");
    return await Promise.resolve({ records: [], faults: [] });
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a log nothing else is asked here
  const collector = new Collector({ ...env, AUDIT_LOG: { getByName: () => ({ latest }) } } as unknown as ObjectsEnv);
  await collector.collect(NETWORK);
  expect(collector.unheardLogs).toEqual(["deployment"]);
  log.isThere = true;
  await collector.collect(NETWORK);
  expect(collector.unheardLogs).toEqual([]);
  log.isThere = false;
  await collector.collect(NETWORK);
  expect(collector.unheardLogs).toEqual([]);
});
