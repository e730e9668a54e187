/** A pool with key streams, as a KeyStream half calls it: short words for tests. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { NO_WISHES, type Qos } from "../../shared/etsi004/qos.ts";
import type { Ksid, StreamEnd, StreamPeer } from "../../shared/etsi004/types.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import type {
  ChunksAnswer,
  ChunksCall,
  StreamOpenCall,
  StreamOpened,
  StreamPoolRpc,
  StreamState,
} from "../../shared/keypool/streams.ts";
import type { Ledger } from "../../shared/keypool/types.ts";
import { hex, makePool, randomBytes, type TestPool, value } from "./in-workerd-pool.ts";

export const newKsid = (): Ksid => crypto.randomUUID() as Ksid;
export const endAt = (sae: string, node: NodeId): StreamEnd => ({ sae: sae as SaeId, node });
export const anybodyAt = (node: NodeId): StreamPeer => ({ sae: null, node });
export const wish = (qos: Partial<Qos>): Qos => ({ ...NO_WISHES, ...qos });

export const streamsOf = (pool: TestPool, shard = 0): StreamPoolRpc => pool.shard(shard) as unknown as StreamPoolRpc;

/** Options as of `makePool`; without a rate limit in the way, and with key, unless `bytes` is 0. */
export async function makeStreamPool(
  changes: Parameters<typeof makePool>[0] & { readonly bytes?: number } = {},
): Promise<TestPool> {
  const { bytes = 256 * 1024, policy, ...rest } = changes;
  const pool = await makePool({
    ...rest,
    policy: { rate_limit: { requests_per_s: 10_000, burst: 10_000 }, ...policy },
  });
  if (bytes > 0 && rest.one === undefined) await pushKey(pool, bytes);
  return pool;
}

export async function pushKey(pool: TestPool, bytes: number): Promise<void> {
  await value(pool.push(`f:${crypto.randomUUID()}`, randomBytes(bytes)));
}

export const open = async (
  pool: TestPool,
  call: Pick<StreamOpenCall, "ksid" | "self" | "peer"> & Partial<StreamOpenCall>,
): ReturnType<StreamPoolRpc["openStream"]> =>
  await streamsOf(pool).openStream({
    configVersion: 0,
    principal: `sae:${call.self.sae}`,
    qos: NO_WISHES,
    opensAdjusted: false,
    ...call,
  });

export function streamIn(opened: StreamOpened): StreamState {
  if (opened.outcome === "in-use" || opened.stream === null) throw new Error(`not opened: ${opened.outcome}`);
  return opened.stream;
}

export type Handed = Extract<ChunksAnswer, { outcome: "handed" }>;

/** Each chunk as hexadecimal text, by its index. */
export const chunksOf = ({ chunks, bytes }: Handed, chunkBytes: number): Map<number, string> =>
  new Map(chunks.map(({ index }, at) => [index, hex(bytes.slice(at * chunkBytes, (at + 1) * chunkBytes))]));

/** One end of a stream that is open. */
export class TestEnd {
  readonly ksid: Ksid;
  readonly self: StreamEnd;
  readonly instance: number;
  readonly chunkBytes: number;
  readonly #rpc: StreamPoolRpc;

  constructor(rpc: StreamPoolRpc, ksid: Ksid, self: StreamEnd, { instance, qos }: StreamState) {
    this.#rpc = rpc;
    this.ksid = ksid;
    this.self = self;
    this.instance = instance;
    this.chunkBytes = qos.chunkBytes;
  }

  get #named() {
    const { ksid, instance, self } = this;
    return { configVersion: 0, principal: `sae:${self.sae}`, ksid, instance, self };
  }

  async get(indices: readonly number[], more: Partial<ChunksCall> = {}): ReturnType<StreamPoolRpc["chunks"]> {
    const call = { ...this.#named, indices, readAhead: 0, waitMs: 0, afterClose: false, ...more };
    return await this.#rpc.chunks(call);
  }

  /** @throws Error where it was not handed */
  async fetch(indices: readonly number[], more: Partial<ChunksCall> = {}): Promise<Map<number, string>> {
    const answer = await value(this.get(indices, more));
    if (answer.outcome !== "handed") throw new Error(`not handed: ${answer.outcome}`);
    return chunksOf(answer, this.chunkBytes);
  }

  async outcome(indices: readonly number[], more: Partial<ChunksCall> = {}): Promise<string> {
    return (await value(this.get(indices, more))).outcome;
  }

  async settle(handedBack: readonly number[] = []): Promise<null> {
    return await value(this.#rpc.settleChunks({ ...this.#named, handedBack }));
  }

  async available(
    count: number | null = null,
  ): Promise<{ readonly indices: readonly number[]; readonly possible: number }> {
    return await value(this.#rpc.availableChunks({ ...this.#named, count }));
  }

  async close(mayStillFetch = false): Promise<StreamState | null> {
    return await value(this.#rpc.closeStream({ ...this.#named, mayStillFetch }));
  }
}

export interface BothOptions {
  readonly qos?: Partial<Qos>;
  readonly ksid?: Ksid;
  readonly a?: string;
  readonly b?: string;
  readonly shard?: number;
}

/** A stream between sae-a at the pair's lower node and sae-b at the higher one, opened by both. */
export async function openBoth(
  pool: TestPool,
  { qos, ksid = newKsid(), a = "sae-a", b = "sae-b", shard = 0 }: BothOptions = {},
): Promise<readonly [TestEnd, TestEnd]> {
  const rpc = streamsOf(pool, shard);
  const shared = { configVersion: 0, principal: "sae:test", ksid, opensAdjusted: false };
  const [self, peer] = [endAt(a, pool.low), endAt(b, pool.high)];
  const first = streamIn(await value(rpc.openStream({ ...shared, self, peer, qos: wish(qos ?? {}) })));
  const second = streamIn(await value(rpc.openStream({ ...shared, self: peer, peer: self, qos: NO_WISHES })));
  return [new TestEnd(rpc, ksid, self, first), new TestEnd(rpc, ksid, peer, second)];
}

// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
export const runAlarm = async ({ stub }: TestPool): Promise<boolean> => await runDurableObjectAlarm(stub as any);

/** @throws Error where bits are lost or doubled */
export async function expectConserved(pool: TestPool, shard = 0): Promise<Ledger> {
  const { conserved, ledgerBits } = await pool.status(shard);
  if (!conserved) throw new Error("the ledger does not add up");
  return ledgerBits;
}
