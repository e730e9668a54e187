/** The pools that a node's relays draw on and end in, as the relay core wants to reach them. */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type BlockId, type NodeId, pairName, pairOf, poolName } from "../../shared/ids.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import type { RelayLink } from "../../shared/network/relay-view.ts";
import type { LinkDraw, RelayedBy, RelayId, RelayTerms } from "../../shared/relay/types.ts";
import { asOwn, ok, type Result } from "../../shared/result.ts";
import type { ObjectsEnv } from "../env.ts";
import type { NodeNetwork } from "./node-network.ts";

/** As the pools' audit events call who ingests. */
const PRINCIPAL = "relay";

export class LinkPools {
  readonly #node: NodeId;
  readonly #pools: ObjectsEnv["KEY_POOL"];
  readonly #network: NodeNetwork;

  constructor(node: NodeId, pools: ObjectsEnv["KEY_POOL"], network: NodeNetwork) {
    this.#node = node;
    this.#pools = pools;
    this.#network = network;
  }

  async drawHop(
    neighbour: NodeId,
    terms: RelayTerms,
  ): PoolResult<{ readonly draw: LinkDraw; readonly bytes: Uint8Array }> {
    const link = this.#linkTo(neighbour);
    if (!link.ok) return link;
    return await reached(() => this.#pool(neighbour, DRAWN_SHARD).drawHop({ ...this.#call(), terms }));
  }

  async takeHop(neighbour: NodeId, terms: RelayTerms, draw: LinkDraw): PoolResult<Uint8Array> {
    const link = this.#linkTo(neighbour);
    if (!link.ok) return link;
    if (draw.shard !== DRAWN_SHARD) return fail("bad-request", "hops are not drawn from that shard");
    return await reached(() => this.#pool(neighbour, DRAWN_SHARD).takeHop({ ...this.#call(), terms, draw }));
  }

  /** A relayed key becomes a block of the pool it is for. */
  async store(
    { pair, shard }: Pick<RelayTerms, "pair" | "shard">,
    { block, key, relayedBy }: { readonly block: BlockId; readonly key: Uint8Array; readonly relayedBy: RelayedBy },
  ): PoolResult<null> {
    const pool = this.#pools.getByName(poolName(pair, shard));
    const call = { ...this.#call(), principal: PRINCIPAL, block, bytes: key, relayed: relayedBy };
    const taken = await reached(() => pool.ingest(call));
    if (!taken.ok) return taken;
    const { outcome } = taken.value;
    if (outcome === "ingested" || outcome === "unmatched") return ok(null);
    const why = "reason" in taken.value ? taken.value.reason : outcome;
    return fail("conflict", `the pool did not take the relayed key: ${why}`);
  }

  /** Out of the pool again that relayed key was for: see `RelayedPoolRpc.takeBack`. */
  async takeBack({ pair, shard }: Pick<RelayTerms, "pair" | "shard">, relay: RelayId | null): PoolResult<null> {
    return await reached(() => this.#pools.getByName(poolName(pair, shard)).takeBack({ ...this.#call(), relay }));
  }

  /** What a link's pool says of it; null where it does not answer. */
  async stateOf(neighbour: NodeId): Promise<{ readonly availableBits: number; readonly keyRateBps: number } | null> {
    const { configVersion } = this.#call();
    const state = await reached(() => this.#pool(neighbour, DRAWN_SHARD).linkState({ configVersion }));
    return state.ok ? state.value : null;
  }

  #call() {
    return { configVersion: this.#network.view.sequence, node: this.#node };
  }

  #pool(neighbour: NodeId, shard: number) {
    return this.#pools.getByName(poolName(pairName(pairOf(this.#node, neighbour)), shard));
  }

  #linkTo(neighbour: NodeId): Result<RelayLink, Fault> {
    const link = this.#network.linkTo(neighbour);
    return link === undefined ? fail("no-path", `${this.#node} has no link to ${neighbour}`) : ok(link);
  }
}

/** All blocks come into this one; the others borrow from it, and have their own SAEs to serve. */
const DRAWN_SHARD = 0;

async function reached<T>(ask: () => PoolResult<T>): PoolResult<T> {
  try {
    return asOwn(await ask());
  } catch {
    return fail("unavailable", "a pool does not answer");
  }
}
