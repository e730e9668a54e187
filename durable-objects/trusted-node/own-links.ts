/** What this node says of its links: asked of their pools, and of the QKD modules where the edge simulates the devices. */
import type { NodeId } from "../../shared/ids.ts";
import type { RelayLink } from "../../shared/network/relay-view.ts";
import { moduleName } from "../../shared/qkd-module/rpc.ts";
import type { LinkState } from "../../shared/routing/types.ts";
import type { ObjectsEnv } from "../env.ts";
import type { LinkPools } from "./link-pools.ts";
import type { NodeNetwork } from "./node-network.ts";

/** Of a link nobody has looked at: whether it has key is found out by trying. */
export const UNKNOWN_BITS = 2 ** 40;

export interface OwnLinksParts {
  readonly node: NodeId;
  readonly network: NodeNetwork;
  readonly pools: LinkPools;
  readonly modules: ObjectsEnv["QKD_MODULE"];
}

export class OwnLinks {
  readonly #parts: OwnLinksParts;

  constructor(parts: OwnLinksParts) {
    this.#parts = parts;
  }

  /** All of them as they are. A link whose pool does not answer has nothing to give. */
  async look(): Promise<readonly LinkState[]> {
    return await Promise.all([...this.#parts.network.links.values()].map(async (link) => await this.#lookAt(link)));
  }

  /** For a node that goes to rest: what it said of its links would soon be out of date. */
  unknown(): readonly LinkState[] {
    return [...this.#parts.network.links.values()].map((link) => ({
      link: link.id,
      peer: this.#peerOf(link),
      availableBits: UNKNOWN_BITS,
      keyRateBps: 0,
      qber: null,
    }));
  }

  async #lookAt(link: RelayLink): Promise<LinkState> {
    const peer = this.#peerOf(link);
    const [state, qber] = await Promise.all([this.#parts.pools.stateOf(peer), this.#qberOf(link)]);
    return { link: link.id, peer, ...(state ?? { availableBits: 0, keyRateBps: 0 }), qber };
  }

  #peerOf({ nodes: [a, b] }: RelayLink): NodeId {
    return a === this.#parts.node ? b : a;
  }

  /** Of the last block that told it; links whose devices are elsewhere do not tell. */
  async #qberOf({ id, source }: RelayLink): Promise<number | null> {
    const { network, modules, node } = this.#parts;
    if (source !== "bb84" || network.view.policy.relay.cost !== "key-aware") return null;
    try {
      const answer = await modules.getByName(moduleName(id, node)).status();
      const reports = answer.ok ? (answer.value.status?.reports ?? []) : [];
      return reports.find(({ qberX }) => qberX !== null)?.qberX ?? null;
    } catch {
      return null;
    }
  }
}
