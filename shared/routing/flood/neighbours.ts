/** The neighbours of a node, and the calls to them. */
import type { NodeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import type { Advertisement } from "../types.ts";
import type { Database, Entry } from "./database.ts";
import { Neighbour } from "./neighbour.ts";
import type { FloodCall, FloodNetwork, FloodPorts } from "./types.ts";

/** Of one advertisement in a call, beside what `sizeBytes` counts. */
const FRAME_BYTES = 64;

type NeighbourPorts = Pick<FloodPorts, "send" | "random" | "onAway">;

export class Neighbours {
  readonly #self: NodeId;
  readonly #database: Database;
  readonly #ports: NeighbourPorts;
  readonly #all = new Map<NodeId, Neighbour>();
  #network: FloodNetwork = { nodes: new Map(), neighbours: new Set() };
  #lastId = 0;

  constructor(self: NodeId, database: Database, ports: NeighbourPorts) {
    this.#self = self;
    this.#database = database;
    this.#ports = ports;
  }

  get(node: NodeId): Neighbour | undefined {
    return this.#all.get(node);
  }

  /**
   * New ones get all there is, and are asked for what they have.
   * @param changed nodes with other keys or another deployment than before
   */
  configure(network: FloodNetwork, changed: ReadonlySet<NodeId>, nowMs: number): void {
    this.#network = network;
    for (const node of this.#all.keys()) {
      if (!network.neighbours.has(node) || changed.has(node)) this.#all.delete(node);
    }
    for (const node of network.neighbours) {
      if (this.#all.has(node) || node === this.#self) continue;
      const neighbour = this.#newNeighbour(node, nowMs);
      this.#all.set(node, neighbour);
      neighbour.oweGreeting();
      for (const entry of this.#database.entries()) this.#owe(neighbour, entry);
    }
  }

  /** @param from who has told it; null: this node itself */
  spread(entry: Entry, from: NodeId | null): void {
    for (const neighbour of this.#all.values()) {
      if (neighbour.node === from) neighbour.settle(entry.advertisement.node);
      else this.#owe(neighbour, entry);
    }
  }

  /** There is nothing to tell of this node any more. */
  settle(node: NodeId): void {
    for (const neighbour of this.#all.values()) neighbour.settle(node);
  }

  /** It holds another word of this sequence than this node. */
  tellAgain(neighbour: Neighbour, node: NodeId): void {
    const entry = this.#database.get(node);
    if (entry !== undefined) this.#owe(neighbour, entry);
  }

  /** Asks all for what this node lacks. */
  greetAll(): void {
    for (const neighbour of this.#all.values()) neighbour.oweGreeting();
  }

  /** Asks those of this deployment for nothing, yet: they are there when there is need. */
  ungreetHosted(): void {
    for (const neighbour of this.#all.values()) {
      if (this.#isHosted(neighbour.node)) neighbour.settleGreeting();
    }
  }

  /** It says what it has. Only what it lacks counts: one that was under way for long may be of before a restart. */
  greeted(neighbour: Neighbour, has: NonNullable<FloodCall["has"]>, nowMs: number): void {
    neighbour.forget(nowMs);
    const sequences = new Map(has);
    for (const entry of this.#database.entries()) {
      const { node, sequence } = entry.advertisement;
      if ((sequences.get(node) ?? 0) < sequence) this.#owe(neighbour, entry);
    }
  }

  answered(to: NodeId, id: number, isTaken: boolean, nowMs: number): void {
    const neighbour = this.#all.get(to);
    for (const entry of neighbour?.answered(id, isTaken, nowMs) ?? []) {
      const { node } = entry.advertisement;
      if (this.#database.get(node) === entry) neighbour?.settle(node);
    }
  }

  /** Makes the calls that are due. */
  flush(nowMs: number): void {
    for (const neighbour of this.#all.values()) {
      if (neighbour.lostMs <= nowMs) neighbour.lost(nowMs);
      if (neighbour.freeMs > nowMs) continue;
      if (neighbour.greeting !== 0) this.#greet(neighbour, nowMs);
      else this.#tell(neighbour, nowMs);
    }
  }

  /** When the next of them is due, or counts as lost; Infinity: none is. */
  get nextMs(): number {
    return Math.min(Infinity, ...[...this.#all.values()].map((neighbour) => this.#nextMsOf(neighbour)));
  }

  #nextMsOf(neighbour: Neighbour): number {
    if (neighbour.lostMs < Infinity) return neighbour.lostMs;
    if (neighbour.greeting !== 0) return neighbour.freeMs;
    let onwardMs = Infinity;
    for (const node of neighbour.owed) onwardMs = Math.min(onwardMs, this.#database.get(node)?.onwardMs ?? Infinity);
    return Math.max(neighbour.freeMs, onwardMs);
  }

  /** What is not signed says nothing to another deployment. */
  #owe(neighbour: Neighbour, { advertisement }: Entry): void {
    const isOfUse = advertisement.signature !== null || this.#isHosted(neighbour.node);
    if (isOfUse) neighbour.owe(advertisement.node);
  }

  #isHosted(node: NodeId): boolean {
    return this.#network.nodes.get(node)?.isHosted === true;
  }

  #newNeighbour(node: NodeId, nowMs: number): Neighbour {
    const { random, onAway } = this.#ports;
    const told = (isAway: boolean) => onAway(node, isAway);
    return new Neighbour({ node, isHosted: this.#isHosted(node), random, told }, nowMs);
  }

  #greet(neighbour: Neighbour, nowMs: number): void {
    const has = [...this.#database.entries()].map(({ advertisement: { node, sequence } }) => [node, sequence] as const);
    const id = ++this.#lastId;
    neighbour.called(id, { entries: [], greeting: neighbour.greeting }, nowMs);
    this.#ports.send({ to: neighbour.node, id, call: { from: this.#self, advertisements: [], has } });
  }

  #tell(neighbour: Neighbour, nowMs: number): void {
    const entries = this.#batchFor(neighbour, nowMs);
    if (entries.length === 0) return;
    const id = ++this.#lastId;
    neighbour.called(id, { entries, greeting: null }, nowMs);
    const advertisements = entries.map((entry): Advertisement => ({
      ...entry.advertisement,
      ageMs: this.#database.ageMs(entry, nowMs),
    }));
    this.#ports.send({ to: neighbour.node, id, call: { from: this.#self, advertisements } });
  }

  /** The longest owed first; as many as one call may hold. */
  #batchFor(neighbour: Neighbour, nowMs: number): Entry[] {
    const batch: Entry[] = [];
    let bytes = 0;
    for (const node of neighbour.owed) {
      const entry = this.#database.get(node);
      if (entry === undefined || entry.onwardMs > nowMs) continue;
      bytes += entry.bytes + FRAME_BYTES;
      if (batch.length === LIMITS.floodBatchAdvertisements || bytes > LIMITS.floodBatchBytes) break;
      batch.push(entry);
    }
    return batch;
  }
}
