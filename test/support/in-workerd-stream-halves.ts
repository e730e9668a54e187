/** Key streams in two halves of a pool, as KeyStream objects of two deployments call them. */
import { availableChunks } from "../../durable-objects/key-pool/stream-available.ts";
import { giveChunks } from "../../durable-objects/key-pool/stream-chunks.ts";
import { closeStream } from "../../durable-objects/key-pool/stream-close.ts";
import { openStream } from "../../durable-objects/key-pool/stream-open.ts";
import { streamState } from "../../durable-objects/key-pool/stream-rows.ts";
import { settleChunks } from "../../durable-objects/key-pool/stream-settle.ts";
import type { HalfPatience } from "../../durable-objects/key-pool/half-line.ts";
import type { Qos } from "../../shared/etsi004/qos.ts";
import type { StreamPoolRpc } from "../../shared/keypool/streams.ts";
import { LIMITS } from "../../shared/limits.ts";
import { type Halves, LONG, makeHalves, type TestHalf } from "./in-workerd-halves.ts";
import { defaultPolicy, randomBytes, value } from "./in-workerd-pool.ts";
import { endAt, newKsid, streamIn, TestEnd, wish } from "./in-workerd-pool-streams.ts";

export const streamsAt = (half: TestHalf): StreamPoolRpc => ({
  openStream: async (call) => await half.run(async ({ pool }) => await openStream(pool, call)),
  streamState: async (call) => await half.run(async ({ pool }) => await streamState(pool, call)),
  chunks: async (call) =>
    await half.run(
      async ({ pool, refill }) => await giveChunks(pool, call, async (bytes) => (await refill.bytes({ bytes })).ok),
    ),
  settleChunks: async (call) => await half.run(async ({ pool }) => await settleChunks(pool, call)),
  availableChunks: async (call) =>
    await half.run(
      async ({ pool, refill }) =>
        await availableChunks(pool, call, async (bytes) => (await refill.bytes({ bytes })).ok),
    ),
  closeStream: async (call) => await half.run(async ({ pool }) => await closeStream(pool, call)),
  tellPeer: async (news) => await half.run(async ({ pool }) => await pool.half.tellPeer(news)),
});

/** Two halves with key. */
export async function keyedHalves(patience: HalfPatience = LONG, units = 8): Promise<Halves> {
  // Nobody is short, so that chunks are read ahead.
  const pool = { ...defaultPolicy.pool, low_bytes: 0 };
  const halves = makeHalves({ policy: { ...defaultPolicy, pool, delivery_grace_s: 0 } }, patience);
  await halves.push("a", randomBytes(units * LIMITS.unitBytes));
  await halves.settle();
  return halves;
}

/** A stream that `opener` has opened and the other half's SAE has joined: the lower node's end first. */
export async function openAcross(
  { low, high }: Pick<Halves, "low" | "high">,
  opener: TestHalf = low,
  qos: Partial<Qos> = { chunkBytes: 32 },
) {
  const joiner = opener === low ? high : low;
  const ksid = newKsid();
  const shared = { configVersion: 0, principal: "sae:test", ksid, opensAdjusted: false };
  const [first, second] = [opener, joiner].map((half) => endAt(half.sae, half.node));
  if (first === undefined || second === undefined) throw new Error("there are two");
  const opened = await value(streamsAt(opener).openStream({ ...shared, self: first, peer: second, qos: wish(qos) }));
  const joined = await value(streamsAt(joiner).openStream({ ...shared, self: second, peer: first, qos: wish({}) }));
  const ends = [
    new TestEnd(streamsAt(opener), ksid, first, streamIn(opened)),
    new TestEnd(streamsAt(joiner), ksid, second, streamIn(joined)),
  ] as const;
  return opener === low ? ends : ([ends[1], ends[0]] as const);
}
