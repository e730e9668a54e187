/** A network of nodes for tests: a fake clock, and a carrier that loses, doubles, delays and reorders calls. */
import { sha256 } from "@noble/hashes/sha2.js";
import { utf8ToBytes } from "@noble/hashes/utils.js";
import { canonicalJson } from "../../audit/canonical-json.ts";
import { toBase64 } from "../../bytes/base64.ts";
import { pairName, pairOf, type LinkId, type NodeId, type SaeId } from "../../ids.ts";
import type { Advertisement, LinkState } from "../types.ts";
import { Flood } from "./flood.ts";
import type { FloodAlarmEvent, FloodNetwork, FloodNode, OutgoingCall, OwnState, SignedClaim } from "./types.ts";

export const START_MS = 1_790_000_000_000;
export const nodeId = (number: number): NodeId => `n-${String(number).padStart(3, "0")}` as NodeId;
export const saeOf = (node: NodeId): SaeId => `sae-of-${node}` as SaeId;
export const keysOf = (node: NodeId): string => `keys of ${node}`;

/** As good as a signature, among nodes that do not look into each other's keys. */
export const signed = (keys: string, bytes: Uint8Array): string =>
  toBase64(sha256.create().update(utf8ToBytes(keys)).update(bytes).digest());
export const isSigned = ({ keys, bytes, signature }: SignedClaim): boolean => signed(keys, bytes) === signature;

export const linkState = (link: string, peer: NodeId, availableBits = 4096): LinkState => ({
  link: link as LinkId,
  peer,
  availableBits,
  keyRateBps: 1000,
  qber: null,
});

const linkOf = (a: NodeId, b: NodeId): string => pairName(pairOf(a, b)).replace("|", "-");

/** What the carrier does to one call or answer: when each copy arrives. */
export type Fate = () => readonly number[];

export interface TestNode {
  readonly id: NodeId;
  /** Null: it has crashed. */
  flood: Flood | null;
  /** On disk. */
  sequence: number;
  /** Of its deployment: nodes of another one have to sign. */
  readonly deployment: number;
  readonly alarms: FloodAlarmEvent[];
  state: OwnState;
  /** Grows with each crash: what was under way is lost. */
  life: number;
  /** When it is ticked next. */
  plannedMs: number;
}

export class TestNetwork {
  nowMs = START_MS;
  fate: Fate = () => [5];
  random: () => number = () => 0.5;
  calls = 0;
  told = 0;
  readonly nodes = new Map<NodeId, TestNode>();
  /** Pairs that are in the document. */
  readonly #links = new Set<string>();
  /** Pairs between which nothing gets through. */
  readonly cuts = new Set<string>();
  /** In the order of their times. */
  readonly #events: { readonly atMs: number; readonly order: number; run: () => void }[] = [];
  #order = 0;

  add(number: number, deployment = 0): TestNode {
    const id = nodeId(number);
    const state = { links: [], saes: [saeOf(id)] };
    const node: TestNode = {
      id,
      flood: null,
      sequence: 0,
      deployment,
      alarms: [],
      state,
      life: 0,
      plannedMs: Infinity,
    };
    this.nodes.set(id, node);
    return node;
  }

  node(number: number): TestNode {
    const node = this.nodes.get(nodeId(number));
    if (node === undefined) throw new Error(`no node ${number}`);
    return node;
  }

  join(a: NodeId, b: NodeId): void {
    this.#links.add(pairName(pairOf(a, b)));
  }

  part(a: NodeId, b: NodeId): void {
    this.#links.delete(pairName(pairOf(a, b)));
  }

  peersOf(id: NodeId): NodeId[] {
    return [...this.nodes.keys()].filter((other) => this.#links.has(pairName(pairOf(id, other))));
  }

  /** The document, as the deployment of this node sees it. */
  viewOf({ id, deployment }: TestNode): FloodNetwork {
    const entries = [...this.nodes.values()].map((node): [NodeId, FloodNode] => [
      node.id,
      { isHosted: node.deployment === deployment, keys: keysOf(node.id), saes: new Set([saeOf(node.id)]) },
    ]);
    return { nodes: new Map(entries), neighbours: new Set(this.peersOf(id)) };
  }

  /** All links of the document, each with this much key. */
  ownState(node: TestNode, availableBits = 4096): OwnState {
    const links = this.peersOf(node.id).map((peer) => linkState(linkOf(node.id, peer), peer, availableBits));
    return { links, saes: [saeOf(node.id)] };
  }

  start(node: TestNode): void {
    const life = ++node.life;
    node.plannedMs = Infinity;
    const isHere = (): boolean => node.life === life;
    node.flood = new Flood(
      {
        self: node.id,
        network: this.viewOf(node),
        sequence: node.sequence,
        ports: {
          send: (call) => this.#carry(node, life, call),
          sign: async (bytes) => signed(keysOf(node.id), bytes),
          verify: async (claim) => isSigned(claim),
          storeSequence: (sequence) => {
            if (isHere()) node.sequence = sequence;
          },
          onAlarm: (event) => node.alarms.push(event),
          random: this.random,
          onAway: () => undefined,
        },
      },
      this.nowMs,
    );
    node.state = this.ownState(node);
    this.announce(node);
  }

  crash(node: TestNode): void {
    node.life += 1;
    node.flood = null;
  }

  remove(node: TestNode): void {
    this.crash(node);
    this.nodes.delete(node.id);
  }

  announce(node: TestNode): void {
    void node.flood?.announce(node.state, this.nowMs).then(() => this.#plan(node));
  }

  /** Tells nodes of the document as it is now, each a little later than the one before. */
  configureAll(lagMs: () => number): void {
    for (const node of this.nodes.values()) {
      this.at(this.nowMs + lagMs(), () => {
        if (this.nodes.get(node.id) !== node) return;
        node.state = this.ownState(node);
        void node.flood?.configure(this.viewOf(node), this.nowMs).then(() => this.announce(node));
      });
    }
  }

  at(atMs: number, run: () => void): void {
    const event = { atMs, order: this.#order++, run };
    let [low, high] = [0, this.#events.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle];
      if (other !== undefined && other.atMs > atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  /** Lets so much time pass, or less: until what is waited for is so. @returns how much passed */
  async run(forMs: number, until: () => boolean = () => false): Promise<number> {
    const startMs = this.nowMs;
    const endMs = startMs + forMs;
    let looked = startMs;
    for (;;) {
      // Whatever was begun: signing, judging, planning.
      await new Promise((resolve) => setImmediate(resolve));
      // A look at all databases is dear: once in so long.
      if (this.nowMs - looked >= 200) {
        looked = this.nowMs;
        if (until()) return this.nowMs - startMs;
      }
      const next = this.#events.at(-1);
      if (next === undefined || next.atMs > endMs) break;
      this.#events.pop();
      this.nowMs = Math.max(this.nowMs, next.atMs);
      next.run();
    }
    if (until()) return this.nowMs - startMs;
    this.nowMs = endMs;
    return forMs;
  }

  /** Whether each node that lives holds what each of them says, and nothing else. */
  isTrue(): boolean {
    const living = [...this.nodes.values()].filter(({ flood }) => flood !== null);
    const truth = new Map<string, string>();
    for (const { id, flood, state } of living) {
      const own = flood?.advertisements(this.nowMs).find(({ node }) => node === id);
      if (own?.links.length !== state.links.length) return false;
      truth.set(id, factsOf(own));
    }
    return living.every(({ flood }) => {
      const held = flood?.advertisements(this.nowMs) ?? [];
      return held.length === truth.size && held.every((each) => factsOf(each) === truth.get(each.node));
    });
  }

  #plan(node: TestNode): void {
    const { life, flood } = node;
    const dueMs = flood?.nextMs ?? null;
    if (flood === null || dueMs === null || node.plannedMs <= dueMs) return;
    node.plannedMs = dueMs;
    this.at(Math.max(dueMs, this.nowMs), () => {
      // Planned anew since, or gone.
      if (node.life !== life || node.plannedMs !== dueMs) return;
      node.plannedMs = Infinity;
      void flood.tick(this.nowMs).then(() => this.#plan(node));
    });
  }

  #carry(from: TestNode, life: number, { to, id, call }: OutgoingCall): void {
    this.calls += 1;
    this.told += call.advertisements.length;
    if (from.life !== life) return;
    for (const delayMs of this.#fateOf(from.id, to)) {
      this.at(this.nowMs + delayMs, () => {
        const target = this.nodes.get(to);
        if (target === undefined || target.flood === null) return;
        void target.flood.receive(call, this.nowMs).then(({ ok }) => {
          this.#plan(target);
          for (const backMs of this.#fateOf(to, from.id)) {
            this.at(this.nowMs + backMs, () => this.#answer(from, life, { to, id, isTaken: ok }));
          }
          return null;
        });
      });
    }
  }

  #answer(from: TestNode, life: number, { to, id, isTaken }: { to: NodeId; id: number; isTaken: boolean }): void {
    if (from.life !== life || from.flood === null) return;
    from.flood.answered(to, id, isTaken, this.nowMs);
    this.#plan(from);
  }

  #fateOf(from: NodeId, to: NodeId): readonly number[] {
    return this.cuts.has(pairName(pairOf(from, to))) ? [] : this.fate();
  }
}

/** They are looked at often, and never change. */
const facts = new WeakMap<Advertisement["links"], string>();

/** All but the age. */
export function factsOf({ node, sequence, links, saes, signature }: Advertisement): string {
  const known = facts.get(links) ?? canonicalJson({ node, sequence, links, saes, signature });
  facts.set(links, known);
  return known;
}
