/** A chain of nodes whose relays go from call to call, for tests of one part of relay. */
import type { NodeId } from "../../shared/ids.ts";
import { pairName, pairOf } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import { NodeSide, type RelayAlarm, type StoreCall } from "../../shared/relay/node-side.ts";
import type { Reach } from "../../shared/relay/relay-key.ts";
import {
  CHALLENGE_BYTES,
  type CompareCall,
  type RelayId,
  type RelayStep,
  type RelayTerms,
  type VoidRelaysCall,
} from "../../shared/relay/types.ts";
import { ok } from "../../shared/result.ts";
import { seededRandom } from "./mux-simulation.ts";
import { LinkModel, LinkModels } from "./relay-links.ts";

export const NOW_MS = 1_000_000;
export const nodes = (...names: string[]): NodeId[] => names.map((name) => name as NodeId);

export const relayId = (number: number): RelayId =>
  `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}` as RelayId;

export function relayTerms(path: readonly NodeId[], given: Partial<RelayTerms> = {}): RelayTerms {
  const [first = "" as NodeId] = path;
  return {
    relay: relayId(1),
    pair: pairName(pairOf(first, path.at(-1) ?? first)),
    shard: relayShardOf(given.share?.[1] ?? 1),
    path,
    share: [0, 1],
    bytes: 48,
    expiresMs: NOW_MS + 5000,
    ...given,
  };
}

const neverOver: Reach["timer"] = () => ({ over: Promise.withResolvers<void>().promise, cancel: () => undefined });

/** What the target has put into its pool; copies, as the key is wiped. */
export interface Stored extends Omit<StoreCall, "key"> {
  readonly node: NodeId;
  readonly key: Uint8Array;
}

/** Nodes that are all joined by links, a clock that stands, and no carrier between. */
export class Rig {
  nowMs = NOW_MS;
  readonly links = new LinkModels();
  readonly sides = new Map<NodeId, NodeSide>();
  readonly alarms: RelayAlarm[] = [];
  readonly stored: Stored[] = [];
  /** Of whom, and which relay (null: all), has been taken out of a pool again. */
  readonly takenBack: (VoidRelaysCall & { readonly node: NodeId; readonly relay: RelayId | null })[] = [];
  readonly asked: RelayStep[] = [];
  /** By deployments other than that of all the others. */
  readonly elsewhere = new Set<NodeId>();
  readonly compared: CompareCall[] = [];
  readonly voided: { readonly node: NodeId; readonly terms: RelayTerms }[] = [];
  #relays = 0;

  constructor(names: readonly NodeId[]) {
    const random = seededRandom(7);
    for (const [at, node] of names.entries()) {
      this.sides.set(node, new NodeSide(this.portsOf(node)));
      for (const other of names.slice(at + 1)) this.links.add(new LinkModel(node, other, random));
    }
  }

  portsOf(node: NodeId): ConstructorParameters<typeof NodeSide>[0] {
    return {
      node,
      nowMs: () => this.nowMs,
      timer: neverOver,
      drawHop: async (neighbour, terms) => this.links.between(node, neighbour).draw(node, terms),
      takeHop: async (neighbour, terms, draw) => this.links.between(node, neighbour).take(node, terms, draw),
      isElsewhere: (other) => this.elsewhere.has(node) !== this.elsewhere.has(other),
      store: async (call) => {
        this.stored.push({ ...call, node, key: call.key.slice() });
        return ok(null);
      },
      takeBack: async (call, relay) => {
        this.takenBack.push({ ...call, node, relay });
        return ok(null);
      },
      raise: (alarm) => this.alarms.push(alarm),
    };
  }

  side(node: NodeId | undefined): NodeSide {
    const side = node === undefined ? undefined : this.sides.get(node);
    if (side === undefined) throw new Error("no such node");
    return side;
  }

  /** Its timers never end. */
  reachOf(node: NodeId): Reach {
    return {
      nowMs: () => this.nowMs,
      timer: neverOver,
      newRelayId: () => relayId((this.#relays += 1)),
      drawHop: async (neighbour, terms) => this.links.between(node, neighbour).draw(node, terms),
      stepAt: (to, step) => {
        this.asked.push(step);
        return this.side(to).step(step);
      },
      newChallenge: () => crypto.getRandomValues(new Uint8Array(CHALLENGE_BYTES)),
      compareAt: (to, call) => {
        this.compared.push(call);
        return this.side(to).compare(call);
      },
      raise: (alarm) => this.alarms.push(alarm),
      voidAt: async (to, terms) => {
        this.voided.push({ node: to, terms });
        return this.side(to).voidRelay(terms);
      },
    };
  }

  /** Arrays that nodes were given by links and have not wiped. */
  get unwiped(): Uint8Array[] {
    return this.links.handedOut.map(({ bytes }) => bytes).filter((bytes) => bytes.some((byte) => byte !== 0));
  }
}
