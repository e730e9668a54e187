/**
 * One node's part in the flooding: what it holds of all nodes, what it says of itself, and what it has still to pass on.
 * Without clock, randomness or socket: whoever runs it tells the time, makes the calls and tells how they ended.
 */
import type { NodeId, SaeId } from "../../ids.ts";
import { LIMITS } from "../../limits.ts";
import { err, ok, type Result } from "../../result.ts";
import type { Advertisement } from "../types.ts";
import { FloodAlarms } from "./alarms.ts";
import { Database, type Entry, type Word, wordOf } from "./database.ts";
import { hasChanged, Intake } from "./intake.ts";
import { Neighbours } from "./neighbours.ts";
import { OwnAdvertisement } from "./own.ts";
import { SaeClaims } from "./saes.ts";
import { Trust } from "./trust.ts";
import type { CallRefusal, FloodNetwork, FloodPorts, OwnState, Taken } from "./types.ts";
import { bytesOfAdvertisement, readEnvelope } from "./wire.ts";

export interface FloodOptions {
  readonly self: NodeId;
  readonly network: FloodNetwork;
  /** The last that `storeSequence` was told; 0: none. */
  readonly sequence: number;
  /**
   * Another node's call has begun it, and nobody needs what it would hear: it asks its neighbours of this deployment when
   * somebody does (`ask`). Those of others learn at once that it is there.
   */
  readonly isAtRest?: boolean;
  readonly ports: FloodPorts;
}

export class Flood {
  readonly #self: NodeId;
  readonly #ports: FloodPorts;
  readonly #database: Database;
  readonly #neighbours: Neighbours;
  readonly #intake: Intake;
  readonly #alarms: FloodAlarms;
  readonly #claims: SaeClaims;
  readonly #own: OwnAdvertisement;
  #isSigning = false;
  #greetMs: number;
  #isAtRest: boolean;
  #version = 0;

  constructor({ self, network, sequence, isAtRest = false, ports }: FloodOptions, nowMs: number) {
    this.#self = self;
    this.#ports = ports;
    this.#database = new Database(self);
    this.#neighbours = new Neighbours(self, this.#database, ports);
    this.#alarms = new FloodAlarms((event) => ports.onAlarm(event));
    this.#claims = new SaeClaims(this.#alarms);
    this.#own = new OwnAdvertisement(sequence);
    this.#intake = new Intake({
      self,
      database: this.#database,
      neighbours: this.#neighbours,
      trust: new Trust(async (claim) => await ports.verify(claim)),
      alarms: this.#alarms,
      own: this.#own,
      hold: (word, from, heldMs) => this.#hold(word, from, heldMs),
    });
    this.#isAtRest = isAtRest;
    this.#greetMs = nowMs + (isAtRest ? LIMITS.floodRefreshMs : LIMITS.floodGreetAgainMs);
    this.#apply(network, nowMs);
    if (isAtRest) this.#neighbours.ungreetHosted();
    this.#neighbours.flush(nowMs);
  }

  /** Grows whenever `advertisements` or `nodeOf` may answer otherwise than before. */
  get version(): number {
    return this.#version;
  }

  /** The newest of each node, this one included; of their SAEs those that count. Those that are old are not among them. */
  advertisements(nowMs: number): Advertisement[] {
    const current: Advertisement[] = [];
    for (const entry of this.#database.entries()) {
      const { advertisement } = entry;
      const ageMs = this.#database.ageMs(entry, nowMs);
      if (ageMs >= LIMITS.floodMaxAgeMs && advertisement.node !== this.#self) continue;
      current.push({ ...advertisement, ageMs, saes: this.#claims.counting(advertisement.node, advertisement.saes) });
    }
    return current;
  }

  /** Where an SAE is, by what nodes say and may say; null: nowhere, or two nodes claim it. */
  nodeOf(sae: SaeId): NodeId | null {
    return this.#claims.nodeOf(sae);
  }

  /** When `tick` is due; null: not before something else happens. */
  get nextMs(): number | null {
    const ownMs = this.#isSigning ? Infinity : (this.#own.dueMs ?? Infinity);
    const nextMs = Math.min(ownMs, this.#database.firstEndMs, this.#greetMs, this.#neighbours.nextMs);
    return nextMs === Infinity ? null : nextMs;
  }

  /** What there is to say of this node: all of it, each time it may have changed. */
  async announce(state: OwnState, nowMs: number): Promise<void> {
    if (this.#own.want(state)) this.#alarms.clear("advertisement-cut-short", this.#self);
    else this.#alarms.raise("advertisement-cut-short", this.#self, "links go before SAEs, lower ids before higher");
    await this.#advance(nowMs);
  }

  /** The network document has changed. */
  async configure(network: FloodNetwork, nowMs: number): Promise<void> {
    this.#apply(network, nowMs);
    await this.#advance(nowMs);
  }

  async tick(nowMs: number): Promise<void> {
    if (nowMs >= this.#greetMs) {
      this.#greetMs = nowMs + LIMITS.floodRefreshMs;
      this.#neighbours.greetAll();
      this.#alarms.clearQuiet(nowMs - LIMITS.floodRefreshMs);
    }
    await this.#advance(nowMs);
  }

  /** Alarms of this code have been cleared by hand. */
  forgetAlarms(code: string): void {
    this.#alarms.forget(code);
  }

  /** Somebody needs to know the network. */
  ask(nowMs: number): void {
    if (!this.#isAtRest) return;
    this.#isAtRest = false;
    this.#greetMs = nowMs + LIMITS.floodGreetAgainMs;
    this.#neighbours.greetAll();
    this.#neighbours.flush(nowMs);
  }

  /** Something else has come from a node: if it is a neighbour, it lives. */
  heard(node: NodeId, nowMs: number): void {
    this.#neighbours.get(node)?.heard(nowMs);
    this.#neighbours.flush(nowMs);
  }

  /** A call has ended. @param isTaken false: refused, or there was no answer */
  answered(to: NodeId, id: number, isTaken: boolean, nowMs: number): void {
    this.#neighbours.answered(to, id, isTaken, nowMs);
    this.#neighbours.flush(nowMs);
  }

  /**
   * A neighbour's call. That it comes from the node it names is the carrier's to know. A call that was not refused as a
   * whole shall not be made again, whatever of it was refused.
   */
  async receive(call: unknown, nowMs: number): Promise<Result<Taken, CallRefusal>> {
    const envelope = readEnvelope(call);
    if (typeof envelope === "string") return err(envelope);
    const neighbour = this.#neighbours.get(envelope.from);
    if (neighbour === undefined) return err("not-a-neighbour");
    if (neighbour.isHeard || !neighbour.takes("floodCalls", nowMs)) return err("busy");
    if (envelope.has !== null && !neighbour.takes("floodGreetings", nowMs)) return err("busy");
    neighbour.heard(nowMs);
    if (envelope.has !== null) this.#neighbours.greeted(neighbour, envelope.has, nowMs);
    neighbour.isHeard = true;
    try {
      return ok(await this.#intake.takeAll(envelope.advertisements, neighbour, nowMs));
    } catch {
      // Signatures cannot be looked at now: the neighbour shall come again.
      return err("busy");
    } finally {
      neighbour.isHeard = false;
      await this.#advance(nowMs);
    }
  }

  #hold(word: Word, from: NodeId | null, nowMs: number): void {
    const { advertisement } = word;
    const entry = this.#database.put(word, nowMs);
    this.#claims.set(advertisement.node, advertisement.saes);
    this.#neighbours.spread(entry, from);
    this.#version += 1;
  }

  async #advance(nowMs: number): Promise<void> {
    this.#release(this.#database.expire(nowMs));
    await this.#advertise(nowMs);
    this.#neighbours.flush(nowMs);
  }

  async #advertise(nowMs: number): Promise<void> {
    if (this.#isSigning || (this.#own.dueMs ?? Infinity) > nowMs) return;
    const unsigned = { node: this.#self, ageMs: 0, signature: null, ...this.#own.make(nowMs) };
    this.#ports.storeSequence(unsigned.sequence);
    this.#isSigning = true;
    try {
      const signature = (await this.#ports.sign?.(bytesOfAdvertisement(unsigned))) ?? null;
      this.#hold(wordOf({ ...unsigned, signature }), null, nowMs);
    } catch {
      this.#own.renew();
      this.#own.postpone(nowMs + LIMITS.floodCallMs);
    } finally {
      this.#isSigning = false;
    }
  }

  #apply(network: FloodNetwork, nowMs: number): void {
    const old = this.#intake.network.nodes;
    const hadOthers = hasOthers(this.#intake.network);
    this.#intake.network = network;
    const hasNewcomers = [...network.nodes.keys()].some((node) => !old.has(node));
    const changed = new Set([...network.nodes].flatMap(([node, now]) => (hasChanged(old.get(node), now) ? node : [])));
    // What was said before there was anybody else to sign for was not signed.
    if (changed.delete(this.#self) || (hasOthers(network) && !hadOthers)) this.#own.renew();
    const gone = this.#database.keepOnly(network.nodes);
    for (const node of changed) {
      const entry = this.#database.get(node);
      if (this.#database.drop(node) && entry !== undefined) gone.push(entry);
    }
    this.#release(gone);
    this.#neighbours.configure(network, changed, nowMs);
    // Neighbours may have told of them before this node knew them, and will not do so again unasked.
    if (hasNewcomers || changed.size > 0) this.#neighbours.greetAll();
    this.#claims.configure(network.nodes);
    this.#version += 1;
  }

  /** Nothing is held of these nodes any more. */
  #release(gone: readonly Entry[]): void {
    for (const { advertisement } of gone) {
      this.#neighbours.settle(advertisement.node);
      this.#claims.drop(advertisement.node);
      this.#alarms.clearAll(advertisement.node);
    }
    if (gone.length > 0) this.#version += 1;
  }
}

/** Nodes of other deployments. */
const hasOthers = ({ nodes }: FloodNetwork): boolean => [...nodes.values()].some(({ isHosted }) => !isHosted);
