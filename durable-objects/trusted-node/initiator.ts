/**
 * Brings relayed key into the pools of this node: chooses paths, lets the relay core walk them, and puts what came into
 * the pool. What failed on the way is gone around by the next relays.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import { type NodeId, pairName, pairOf, parsePairName } from "../../shared/ids.ts";
import { disjointPathsOf, isRelayShard } from "../../shared/keypool/relay-shard.ts";
import { LIMITS } from "../../shared/limits.ts";
import { faultOfFailures, type Reach, relayKey } from "../../shared/relay/relay-key.ts";
import { Room } from "../../shared/relay/room.ts";
import { type BringKeyCall, COMPARE_KEY_BYTES } from "../../shared/relay/types.ts";
import type { WalkFailure } from "../../shared/relay/walk.ts";
import { ok, type Result } from "../../shared/result.ts";
import type { Avoided } from "./avoided.ts";
import type { BegunRelays } from "./begun-relays.ts";
import type { LinkPools } from "./link-pools.ts";
import type { NodeNetwork } from "./node-network.ts";
import type { RelayTallies } from "./relay-tallies.ts";
import type { Routes, RouteWish } from "./routes.ts";

export interface InitiatorParts {
  readonly node: NodeId;
  readonly network: NodeNetwork;
  readonly routes: Routes;
  readonly avoided: Avoided;
  readonly pools: LinkPools;
  readonly reach: Reach;
  readonly tallies: RelayTallies;
  readonly begun: BegunRelays;
}

/** Of what relays may take of a link, all that is brought at once of what nobody waits for yet. */
const AHEAD_SHARE = 0.5;
/** With less, tags cost more than 1.6 % of it. */
const LEAST_AHEAD_BYTES = 2048;

type Brought = Result<{ readonly bytes: number }, Fault>;

export class Initiator {
  readonly #parts: InitiatorParts;

  readonly #room: Room;

  constructor(parts: InitiatorParts) {
    this.#parts = parts;
    this.#room = new Room((ms) => parts.reach.timer(ms));
  }

  /** As `TrustedNodeRpc.bringKey`. Part of what was asked for is a success: the rest is asked for again. */
  async bring(call: BringKeyCall): Promise<Brought> {
    const { node } = this.#parts;
    const { low, high } = parsePairName(call.pair);
    const isOwn = (low === node || high === node) && low !== high;
    const target = low === node ? high : low;
    if (!isOwn || !isRelayShard(call.shard) || this.#parts.network.node(target) === undefined) {
      return fail("no-route", "this node relays no key for that pool");
    }
    const wantedBytes = this.#wantedBytes(call, target);
    const brought = await this.#bringAll(call, target, wantedBytes);
    // Links may have less than they told of a moment ago.
    const isTooMuch = !brought.ok && brought.error.code === "link-budget" && wantedBytes > call.bytes;
    return isTooMuch ? await this.#bringAll(call, target, call.bytes) : brought;
  }

  async #bringAll(call: BringKeyCall, target: NodeId, wantedBytes: number): Promise<Brought> {
    const sizes = relaySizes(call, this.#isElsewhere(target), wantedBytes);
    let bytes = 0;
    let failed: Brought | null = null;
    const next = sizes.values();
    // Several at once: each waits for one pool after the other.
    const worker = async (): Promise<void> => {
      for (const size of next) {
        const brought = await this.#parts.tallies.keys.count(async () => await this.#inRoom(call, target, size));
        if (!brought.ok) {
          failed = brought;
          return;
        }
        bytes += size;
      }
    };
    await Promise.all(Array.from({ length: Math.min(sizes.length, LIMITS.relaysAtOnce) }, worker));
    return bytes > 0 || failed === null ? ok({ bytes }) : failed;
  }

  async #inRoom(call: BringKeyCall, target: NodeId, size: number): Promise<Brought> {
    const wish = { bytes: size * disjointPathsOf(call.shard), isUrgent: call.isUrgent };
    const { pair, shard } = call;
    const relay = async () => await this.#relay(call, target, size);
    const brought = await this.#room.within(wish, async () => await this.#parts.begun.during({ pair, shard }, relay));
    return brought ?? fail("unavailable", "the node relays as much key as it can");
  }

  /** One key, over the best paths at present; over others where they fail. */
  async #relay(call: BringKeyCall, target: NodeId, bytes: number): Promise<Brought> {
    const { network, routes, pools, reach, tallies } = this.#parts;
    const { pair, shard } = call;
    let attempts = 0;
    let unreachable: Fault | null = null;
    const relayed = await relayKey(reach, {
      pair,
      shard,
      bytes,
      isCompared: this.#isElsewhere(target),
      untilMs: reach.nowMs() + LIMITS.relayMs,
      nextPaths: (failures) => {
        this.#goAround(failures);
        attempts += 1;
        if (attempts > network.view.policy.relay.alternatives) return null;
        // A relay does not go back to what failed it, but may try what failed another one.
        const found = routes.forRelay({ ...wishOf(call, target), bytes, orAvoided: failures.length === 0 });
        if (found.ok) return found.value.map(({ nodes }) => nodes);
        unreachable = found.error;
        return null;
      },
    });
    tallies.failed(relayed.ok ? relayed.value.failures : relayed.error);
    if (!relayed.ok) {
      return {
        ok: false,
        error: relayed.error.length === 0 && unreachable !== null ? unreachable : faultOfFailures(relayed.error),
      };
    }
    const { key, block, relayedBy, takeBack } = relayed.value;
    try {
      const stored = await pools.store({ pair, shard }, { block, key, relayedBy });
      if (!stored.ok) takeBack();
      return stored.ok ? ok({ bytes }) : stored;
    } finally {
      key.fill(0);
    }
  }

  /** What is for later leaves some of each link's key to those who wait; and is not refused for wanting all at once. */
  #wantedBytes(call: BringKeyCall, target: NodeId): number {
    const { bytes, upToBytes = bytes, isUrgent } = call;
    if (isUrgent && upToBytes <= bytes) return bytes;
    const { routes } = this.#parts;
    // A link that has just given nothing may tell of more than it has: those before it would lose their part again and again.
    const found = routes.forRelay({ ...wishOf(call, target), orAvoided: !isUrgent });
    const spareBytes = found.ok ? Math.floor(routes.spareBytes(found.value) * AHEAD_SHARE) : Infinity;
    if (isUrgent) return found.ok ? Math.max(bytes, Math.min(upToBytes, spareBytes)) : bytes;
    return Math.min(bytes, Math.max(1, Math.floor(spareBytes / LEAST_AHEAD_BYTES)) * LEAST_AHEAD_BYTES);
  }

  #isElsewhere(target: NodeId): boolean {
    return this.#parts.network.isElsewhere(target);
  }

  #goAround(failures: readonly WalkFailure[]): void {
    const { avoided, network, reach } = this.#parts;
    const nowMs = reach.nowMs();
    for (const { blamed } of failures) {
      if (blamed === null) continue;
      if ("node" in blamed) avoided.node(blamed.node, nowMs);
      else {
        const link = network.view.links.find(({ nodes }) => isLinkOf(nodes, blamed.link));
        if (link !== undefined) avoided.link(link.id, nowMs);
      }
    }
  }
}

const isLinkOf = (nodes: readonly [NodeId, NodeId], [a, b]: readonly [NodeId, NodeId]): boolean =>
  pairName(pairOf(...nodes)) === pairName(pairOf(a, b));

const wishOf = ({ shard, maxHops }: BringKeyCall, target: NodeId): RouteWish => ({
  target,
  disjointPaths: disjointPathsOf(shard),
  ...(maxHops === undefined ? {} : { maxHops }),
});

/** Whoever waits gets it in one relay; what is for later comes in blocks. */
function relaySizes({ isUrgent }: BringKeyCall, isCompared: boolean, wantedBytes: number): number[] {
  const most = isUrgent ? LIMITS.relayBytes - (isCompared ? COMPARE_KEY_BYTES : 0) : LIMITS.fileBlockBytes;
  const wanted = Math.min(Math.max(1, wantedBytes), isUrgent ? most : LIMITS.relayAheadBytes);
  return Array.from({ length: Math.ceil(wanted / most) }, (_, i) => Math.min(most, wanted - i * most));
}
