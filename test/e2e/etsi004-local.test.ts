/**
 * What is promised of the demo's site agents' listeners for ETSI GS QKD 004 over TCP, between tn-1 (sae-a) and tn-2 (sae-c),
 * beyond the cases of `test/conformance/etsi004`.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { GetKeyResponse, OpenResponse, Response } from "../../shared/etsi004/binary/messages.ts";
import type { Ksid } from "../../shared/etsi004/types.ts";
import {
  askBinary,
  askJson,
  binaryClient,
  connectLocal,
  JSON_QOS,
  type JsonAnswer,
  jsonClient,
  type LocalClient,
  openRequest,
} from "../support/local-client.ts";
import { eventually } from "../support/operator.ts";
import { type RunningNetwork, runNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork({ agents: true });
});
afterAll(async () => {
  await network.stop();
});

const NODES = ["tn-1", "tn-2"] as const;
type Node = (typeof NODES)[number];
const binaryAt = async (node: Node): Promise<LocalClient<Response>> =>
  binaryClient(await connectLocal(network.local.etsi004Binary?.[node]));
const jsonAt = async (node: Node): Promise<LocalClient<JsonAnswer>> =>
  jsonClient(await connectLocal(network.local.etsi004Json?.[node]));

test("where they are is told in ports.json and the banner", () => {
  for (const capability of ["qkdModule", "etsi004Json", "etsi004Binary"] as const) {
    // The third site's applications have hybrid keys only.
    const nodes = capability === "etsi004Json" ? [...NODES, "tn-3"] : NODES;
    expect(Object.keys(network.local[capability] ?? {})).toEqual(nodes);
  }
  expect(network.output()).toMatch(/^ {2}ETSI 004 {2}tn-1, for sae-a: QKD module http:\/\/127\.0\.0\.1:\d+, JSON /m);
});

const getKey = async (client: LocalClient<Response>, ksid: Ksid) =>
  (await askBinary(client, { type: "get-key-request", ksid, index: 0, metadataSize: 64 })) as GetKeyResponse;
const hex = (response: GetKeyResponse): string => Buffer.from(response.chunk?.key ?? []).toString("hex");

const URIS = {
  source: "qkd://Application1@aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa",
  destination: "qkd://Application4@bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb",
};
/** On a busy machine an end may come late. */
const OPEN = { ...URIS, qos: { ...JSON_QOS, timeout: 30_000 } };

const keyOf = async (client: LocalClient<JsonAnswer>, ksid: string, index: number): Promise<readonly number[]> => {
  const answer = await askJson(client, "GET_KEY", { key_stream_id: ksid, index, metadata: { size: 46, buffer: "" } });
  expect(answer["status"]).toBe(0);
  return answer["key_buffer"] as number[];
};

/** A stream, and its first chunk. */
const openAndGet = async (client: LocalClient<JsonAnswer>) => {
  const { status, key_stream_id: ksid } = await askJson(client, "OPEN_CONNECT", OPEN);
  expect(status).toBe(0);
  return [String(ksid), Buffer.from(await keyOf(client, String(ksid), 0)).toString("hex")] as const;
};

/** Both ends pass the same texts, and are given the same stream. */
async function meet() {
  const ends = [await jsonAt("tn-1"), await jsonAt("tn-2")] as const;
  const answers = await Promise.all(ends.map((end) => askJson(end, "OPEN_CONNECT", OPEN)));
  const [first] = answers;
  expect(answers).toEqual([first, first]);
  expect(first).toMatchObject({ status: 0, key_stream_id: expect.stringMatching(/^[0-9a-f]{8}-/) as string });
  return { ends, ksid: String(first?.["key_stream_id"]) };
}

const openGetClose = async (client: LocalClient<JsonAnswer>) => {
  const [ksid, key] = await openAndGet(client);
  expect(await askJson(client, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
  return key;
};

describe("JSON over TCP", () => {
  test("a stream a key, one after the other, each end at its own pace: every key another", async () => {
    const keys = new Set<string>();
    for (let round = 0; round < 5; round++) {
      const { ends, ksid } = await meet();
      const got = await Promise.all(
        ends.map(async (end) => {
          const key = await keyOf(end, ksid, 0);
          expect(await askJson(end, "CLOSE", { key_stream_id: ksid })).toEqual({ status: 0 });
          return Buffer.from(key).toString("hex");
        }),
      );
      expect(got[0] === got[1]).toBe(true);
      keys.add(got[0] ?? "");
    }
    expect(keys.size).toBe(5);
  });

  test("ten streams at once between the same two: each end's tenth part meets its like", async () => {
    const streams = await Promise.all(Array.from({ length: 10 }, () => Promise.all([jsonAt("tn-1"), jsonAt("tn-2")])));
    const [ones, others] = await Promise.all(
      [0, 1].map((end) => Promise.all(streams.map((ends) => openAndGet(ends[end]!)))),
    );
    expect(new Map(ones).size).toBe(10);
    const theirs = new Map(others);
    expect(ones?.every(([ksid, key]) => theirs.get(ksid) === key)).toBe(true);
    expect(new Set(theirs.values()).size).toBe(10);
    for (const [number, [ksid]] of (ones ?? []).entries()) {
      for (const end of streams[number]!) await askJson(end, "CLOSE", { key_stream_id: ksid });
    }
  });

  test("three at once at one end, one after the other at the other: they meet all the same", async () => {
    const many = Promise.all([0, 1, 2].map(async () => await openGetClose(await jsonAt("tn-1"))));
    const single = await jsonAt("tn-2");
    const theirs: string[] = [];
    while (theirs.length < 3) theirs.push(await openGetClose(single));
    const ours = await many;
    expect([new Set(ours).size, ours.every((key) => theirs.includes(key))]).toEqual([3, true]);
  });
});

test("an agent is killed: it comes back on the same port, and its streams go on", async () => {
  const [a, b] = [await binaryAt("tn-1"), await binaryAt("tn-2")];
  const { stream } = (await askBinary(a, openRequest())) as OpenResponse;
  const { ksid } = stream ?? expect.unreachable();
  expect(await askBinary(b, openRequest({ ksid }))).toMatchObject({ status: 0 });
  const [agent = 0] = network.pids.agents ?? [];
  process.kill(agent, "SIGKILL");
  expect(await a.next()).toBeNull();
  // Until it is gone altogether, its port still takes connections.
  const one = await eventually(
    () =>
      binaryAt("tn-1")
        .then((again) => getKey(again, ksid))
        .catch(() => null),
    (answer) => answer !== null,
    30_000,
  );
  const other = await getKey(b, ksid);
  if (one === null) expect.unreachable();
  expect([one.status, other.status]).toEqual([0, 0]);
  expect(hex(one) === hex(other)).toBe(true);
});
