/**
 * What this node tells others of its links and SAEs, and what it has heard of theirs. It looks at its links as long as
 * relays come; a node at rest says that it does not know how they are, so that others try them, and wake it.
 */
import { fail, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { OwnRelayView, RelayNode } from "../../shared/network/relay-view.ts";
import { ok, type Result } from "../../shared/result.ts";
import { canRelay } from "../../shared/routing/cost.ts";
import { Flood } from "../../shared/routing/flood/flood.ts";
import {
  CALL_REFUSALS,
  type FloodAlarmEvent,
  type FloodCall,
  type FloodNetwork,
  type FloodNode,
  type OutgoingCall,
} from "../../shared/routing/flood/types.ts";
import type { Advertisement } from "../../shared/routing/types.ts";
import type { ObjectsEnv } from "../env.ts";
import { isolateLog } from "../telemetry/bounded-log.ts";
import { Arrivals } from "../key-pool/arrivals.ts";
import { keysText, signAdvertisement, verifyAdvertisement } from "./advertisement-signatures.ts";
import { identitiesOf } from "../peers/identities.ts";
import type { NodeNetwork } from "./node-network.ts";
import { answered, otherNode } from "./nodes.ts";
import type { OwnLinks } from "./own-links.ts";
import type { NodeStore } from "./store.ts";

export interface AdvertisingParts {
  readonly node: NodeId;
  readonly network: NodeNetwork;
  readonly store: NodeStore;
  readonly env: ObjectsEnv;
  readonly links: OwnLinks;
  readonly raise: (event: FloodAlarmEvent) => void;
  /** Something may be due earlier than it was. */
  readonly changed: () => void;
}

type Words = readonly Pick<Advertisement, "node" | "links">[];

export class Advertising {
  readonly #parts: AdvertisingParts;
  readonly #news = new Arrivals(LIMITS.announcedWaiting);
  #flood: Flood | null = null;
  #startedMs = 0;
  /** Another node's call has woken this one, and nobody has needed to know the network since. */
  #isToldOnly = false;
  #isWanted = false;
  /** Of the network that the flooding was last told of. */
  #sequence = -1;
  #activeUntilMs = 0;
  /** Infinity: it is at rest. */
  #lookMs = Infinity;
  #words: { readonly version: number; readonly words: Words } = { version: -1, words: [] };

  constructor(parts: AdvertisingParts) {
    this.#parts = parts;
  }

  /** What nodes say of their links, and a number that changes with it. */
  words(): { readonly version: number; readonly words: Words } {
    const version = this.#flood?.version ?? -1;
    if (this.#words.version !== version) {
      this.#words = { version, words: this.#flood?.advertisements(Date.now()) ?? [] };
    }
    return this.#words;
  }

  /** Somebody needs to know the network: a node that was only told of it asks for the rest. */
  want(nowMs: number): void {
    if (this.#isWanted) return;
    this.#isWanted = true;
    if (this.#isToldOnly) this.#startedMs = nowMs;
    this.#flood?.ask(nowMs);
    this.#parts.changed();
  }

  /** A node lives: something of it has come. */
  heardFrom(node: NodeId, nowMs: number): void {
    this.#flood?.heard(node, nowMs);
    this.#parts.changed();
  }

  /** The newest advertisement of each node, with its age. */
  heard(nowMs: number): readonly Advertisement[] {
    return this.#flood?.advertisements(nowMs) ?? [];
  }

  /** Null: nobody announces it. A node that has just started waits for what others have to say. */
  async nodeOf(sae: SaeId): Promise<NodeId | null> {
    const flood = await this.#configured();
    const untilMs = this.#startedMs + LIMITS.announcedNewsMs;
    let found = flood.nodeOf(sae);
    while (found === null && Date.now() < untilMs && (await this.#news.wait(untilMs - Date.now()))) {
      found = flood.nodeOf(sae);
    }
    return found ?? flood.nodeOf(sae);
  }

  /** A relay has come. @returns true where the node was at rest */
  awake(nowMs: number): boolean {
    this.#activeUntilMs = nowMs + LIMITS.nodeActiveMs;
    if (this.#lookMs < Infinity) return false;
    this.#lookMs = nowMs;
    return true;
  }

  async take(call: FloodCall): Promise<Result<null, Fault>> {
    if (this.#flood === null && !this.#isWanted) this.#isToldOnly = true;
    const flood = await this.#configured();
    const taken = await flood.receive(call, Date.now());
    this.#news.arrived();
    this.#parts.changed();
    return taken.ok ? ok(null) : fail("bad-request", CALL_REFUSALS[taken.error]);
  }

  /** Alarms of this code have been cleared by hand. */
  forgetAlarms(code: string): void {
    this.#flood?.forgetAlarms(code);
  }

  /** Does what is due: nothing at a node that is not hosted here any more, or whose network relays nothing. */
  async tick(): Promise<void> {
    if (!this.#takesPart) return;
    const flood = await this.#configured();
    const nowMs = Date.now();
    if (nowMs >= this.#lookMs) await this.#look(flood, nowMs);
    await flood.tick(Date.now());
  }

  /** Infinity: nothing. */
  dueMs(): number {
    if (!this.#takesPart) return Infinity;
    const isBehind = this.#parts.network.view.sequence !== this.#sequence;
    return isBehind ? 0 : Math.min(this.#lookMs, this.#flood?.nextMs ?? Infinity);
  }

  get #takesPart(): boolean {
    const { network } = this.#parts;
    return network.isKnown && network.view.isHosted && network.view.policy.relay.enabled;
  }

  async #look(flood: Flood, nowMs: number): Promise<void> {
    const { links, network, node } = this.#parts;
    const isActive = nowMs < this.#activeUntilMs;
    this.#lookMs = isActive ? nowMs + LIMITS.linkLookMs : Infinity;
    const states = isActive ? await links.look() : links.unknown();
    if (!states.every(canRelay)) this.#lookMs = Math.min(this.#lookMs, nowMs + LIMITS.dryLinkLookMs);
    await flood.announce({ links: states, saes: network.node(node)?.saes ?? [] }, Date.now());
  }

  async #configured(): Promise<Flood> {
    const { node, network, store, raise, env } = this.#parts;
    const { view } = network;
    if (this.#flood !== null && view.sequence === this.#sequence) return this.#flood;
    const keys = await hostedKeys(env, view);
    // The network may have changed meanwhile.
    if (network.view !== view) return await this.#configured();
    if (this.#flood === null) {
      const ports = {
        send: (call: OutgoingCall) => void this.#send(call),
        sign: async (bytes: Uint8Array) => await this.#sign(bytes),
        verify: verifyAdvertisement,
        storeSequence: (sequence: number) => {
          store.sequence = sequence;
        },
        onAlarm: raise,
        random: Math.random,
        onAway: (neighbour: NodeId, isAway: boolean) => tellAway(node, neighbour, isAway),
      };
      const isAtRest = this.#isToldOnly && !this.#isWanted;
      const known = floodNetwork(view, network, keys);
      const options = { self: node, network: known, sequence: store.sequence, isAtRest, ports };
      this.#startedMs = Date.now();
      this.#flood = new Flood(options, this.#startedMs);
      this.#lookMs = Math.min(this.#lookMs, Date.now());
    } else if (view.sequence !== this.#sequence) {
      await this.#flood.configure(floodNetwork(view, network, keys), Date.now());
      // Links may have come or gone.
      this.#lookMs = Date.now();
    }
    this.#sequence = view.sequence;
    return this.#flood;
  }

  async #send({ to, id, call }: OutgoingCall): Promise<void> {
    const { env, network } = this.#parts;
    const answer = await answered(() => otherNode(env, network, to).advertise(call));
    this.#flood?.answered(to, id, answer.ok, Date.now());
    this.#parts.changed();
  }

  /** Among nodes of one deployment nothing need be signed. */
  async #sign(bytes: Uint8Array): Promise<string | null> {
    const { env, network, node } = this.#parts;
    return network.view.nodes.some(({ remote }) => remote !== null) ? await signAdvertisement(env, node, bytes) : null;
  }
}

/** Once for each outage, and once for its end. */
function tellAway(node: NodeId, neighbour: NodeId, isAway: boolean): void {
  const event = isAway ? "neighbour-away" : "neighbour-back";
  isolateLog.note({ level: "warn", event, reason: `${node}, ${neighbour}`, fields: { node, neighbour } });
}

/** Of nodes hosted here, as `FloodNode.keys`. */
type HostedKeys = ReadonlyMap<NodeId, string>;
const NO_KEYS: HostedKeys = new Map();

/** Their words may come round by another deployment, if there is one: then they count by their signatures. */
async function hostedKeys(env: ObjectsEnv, { nodes }: OwnRelayView): Promise<HostedKeys> {
  const identities = nodes.every(({ remote }) => remote === null) ? null : identitiesOf(env);
  if (identities === null) return NO_KEYS;
  const hosted = nodes.filter(({ remote }) => remote === null);
  return new Map(await Promise.all(hosted.map(async ({ id }) => [id, keysText(await identities.keysOf(id))] as const)));
}

function floodNetwork(view: OwnRelayView, network: NodeNetwork, keys: HostedKeys): FloodNetwork {
  return {
    nodes: new Map(view.nodes.map((node) => [node.id, floodNode(node, keys)])),
    neighbours: new Set([...network.links.keys()].map((id) => id as NodeId)),
  };
}

const floodNode = ({ id, remote, saes }: RelayNode, keys: HostedKeys): FloodNode => ({
  isHosted: remote === null,
  keys: remote === null ? (keys.get(id) ?? null) : keysText(remote),
  saes: new Set(saes),
});
