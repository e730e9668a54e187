/** Pools of relayed key, and a node that relays into them as a test tells it to. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import type { KeyPool } from "../../durable-objects/key-pool/key-pool.ts";
import { type NodeId, poolName } from "../../shared/ids.ts";
import { FIRST_RELAY_SHARD, relayShardOf } from "../../shared/keypool/relay-shard.ts";
import type { IngestOutcome } from "../../shared/keypool/types.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { BringKeyCall, RelayedBy, RelayId, TrustedNodeRpc } from "../../shared/relay/types.ts";
import { ok } from "../../shared/result.ts";
import { makePool, randomBytes, type TestPool, value } from "./in-workerd-pool.ts";

export const RELAY_SHARD = relayShardOf(1);
const objects = env as unknown as ObjectsEnv;

export const makeRelayed = async (changes: Parameters<typeof makePool>[0] = {}): Promise<TestPool> =>
  await makePool({
    source: "relay",
    link: null,
    feed: "two-ended",
    health: "accept",
    at: FIRST_RELAY_SHARD,
    ...changes,
  });

/** A path of so many links between a pool's nodes. */
export const pathOf = ({ low, high }: Pick<TestPool, "low" | "high">, hops: number): NodeId[] => [
  low,
  ...Array.from({ length: hops - 1 }, (_, i) => `m-${i}` as NodeId),
  high,
];

export const newRelay = (...paths: readonly (readonly NodeId[])[]): RelayedBy => ({
  relay: crypto.randomUUID() as RelayId,
  paths,
});

/** One end's push. */
export const pushRelayed = async (
  pool: TestPool,
  relayed: RelayedBy,
  { node, bytes, shard = RELAY_SHARD }: { readonly node: NodeId; readonly bytes: Uint8Array; readonly shard?: number },
) =>
  await objects.KEY_POOL.getByName(poolName(pool.pair, shard)).ingest({
    configVersion: 0,
    principal: `node:${node}`,
    block: blockOfRelay(relayed.relay),
    node,
    bytes,
    relayed,
  });

/** Both ends' push. */
export async function relayInto(
  pool: TestPool,
  { bytes, hops = 2, shard = RELAY_SHARD }: { readonly bytes: number; readonly hops?: number; readonly shard?: number },
): Promise<IngestOutcome> {
  const relayed = newRelay(pathOf(pool, hops));
  const key = randomBytes(bytes);
  await value(pushRelayed(pool, relayed, { node: pool.high, bytes: key, shard }));
  return await value(pushRelayed(pool, relayed, { node: pool.low, bytes: key, shard }));
}

type BringKey = TrustedNodeRpc["bringKey"];

/** In the place of the TrustedNode object of the pool's node. */
export class FakeNode {
  readonly calls: BringKeyCall[] = [];
  /** Who was asked, in the order of `calls`. */
  readonly asked: string[] = [];
  readonly #pool: TestPool;
  /** What comes of a call; at first, all that is asked for comes over one node, or over as few as the call allows. */
  bring: BringKey;

  private constructor(pool: TestPool) {
    this.#pool = pool;
    this.bring = async (call) => await this.relay(call);
  }

  static async of(pool: TestPool): Promise<FakeNode> {
    const node = new FakeNode(pool);
    await node.install();
    return node;
  }

  /** Again after the object has started anew. */
  async install(shard = RELAY_SHARD): Promise<void> {
    const TRUSTED_NODE = {
      getByName: (name: string) => ({
        bringKey: async (call: BringKeyCall) => {
          this.calls.push(call);
          this.asked.push(name);
          return await this.bring(call);
        },
      }),
    };
    const stub = this.#pool.shard(shard) as unknown as DurableObjectStub<KeyPool>;
    await runInDurableObject(stub, (object) => {
      Reflect.set(object, "env", { ...objects, TRUSTED_NODE });
    });
  }

  async relay({ bytes, shard, maxHops = 2 }: BringKeyCall): ReturnType<BringKey> {
    for (let at = 0; at < bytes; at += 65_536) {
      await relayInto(this.#pool, { bytes: Math.min(65_536, bytes - at), hops: Math.min(2, maxHops), shard });
    }
    return ok({ bytes });
  }

  get urgent(): readonly BringKeyCall[] {
    return this.calls.filter(({ isUrgent }) => isUrgent);
  }

  get background(): readonly BringKeyCall[] {
    return this.calls.filter(({ isUrgent }) => !isUrgent);
  }
}
