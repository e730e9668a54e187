/**
 * A network of nodes that relay, on a fake clock. Carriers lose, double, delay and change messages; nodes crash between
 * any two of their steps and forget what they had in memory; some lie about the key. Everything follows from a seed. What
 * must never be, the watch writes down.
 */
import { toHex } from "../../shared/bytes/hex.ts";
import { type Fault, fail } from "../../shared/errors/errors.ts";
import { type BlockId, type NodeId, pairName, pairOf } from "../../shared/ids.ts";
import { relayShardOf } from "../../shared/keypool/relay-shard.ts";
import type { PoolResult } from "../../shared/keypool/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import { asked } from "../../shared/relay/asked.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import { NodeSide, type RelayAlarm } from "../../shared/relay/node-side.ts";
import { type Reach, relayKey } from "../../shared/relay/relay-key.ts";
import {
  CHALLENGE_BYTES,
  type LinkDraw,
  type RelayId,
  type RelayStep,
  type RelayTerms,
  type StepAnswer,
} from "../../shared/relay/types.ts";
import { ok, type Result } from "../../shared/result.ts";
import { SimulatedClock, seededRandom } from "./mux-simulation.ts";
import { disjointSet, type Graph, randomGraph } from "./relay-graph.ts";
import { LinkModel, LinkModels } from "./relay-links.ts";
import { changed, lyingStep } from "./relay-hostile.ts";
import { type Life, Watch } from "./relay-watch.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly nodes: number;
  /** Links beyond a tree's. */
  readonly moreLinks: number;
  /** Of each message, and each call of a pool: chances. */
  readonly lost: number;
  readonly doubled: number;
  readonly late: number;
  readonly changed: number;
  readonly crashes: number;
  readonly liars: number;
  /** Nodes are spread over so many: where two ends are in different ones, no pool sees both keys. */
  readonly deployments: number;
  /** Of each link, at most. */
  readonly budgetBytes: number;
}

const START_MS = 1_700_000_000_000;
const SKEW_MS = 900;
const LATE_MS = 12_000;
const DOWN_MS = 400;
const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

interface Block {
  readonly relay: RelayId;
  readonly halves: Map<NodeId, Uint8Array>;
  outcome: "unmatched" | "delivered" | "quarantined" | "voided";
}

export class World {
  readonly clock: SimulatedClock;
  readonly graph: Graph;
  readonly links = new LinkModels();
  readonly blocks = new Map<BlockId, Block>();
  readonly alarms: RelayAlarm[] = [];
  readonly watch = new Watch();
  readonly liars = new Set<NodeId>();
  /** Relays in which a node has lied. */
  readonly falsified = new Set<RelayId>();
  readonly counts = { begun: 0, relayed: 0, failed: 0, crashes: 0, refusedChanges: 0 };
  readonly #options: WorldOptions;
  readonly #random: () => number;
  readonly #lives = new Map<NodeId, Life>();
  readonly #skewsMs = new Map<NodeId, number>();
  readonly #downUntilMs = new Map<NodeId, number>();
  readonly #changed = new WeakSet<object>();
  #relays = 0;

  constructor(options: WorldOptions, settle: () => Promise<void>) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.clock = new SimulatedClock(settle);
    this.graph = randomGraph(options.nodes, options.moreLinks, this.#random);
    for (const [node, neighbours] of this.graph) {
      this.#skewsMs.set(node, (this.#random() - 0.5) * 2 * SKEW_MS);
      this.#lives.set(node, this.#bear(node));
      for (const other of neighbours) {
        if (node < other) this.links.add(new LinkModel(node, other, this.#random, options.budgetBytes));
      }
    }
    const names = [...this.graph.keys()];
    for (let i = 0; i < options.liars; i++) this.liars.add(this.pick(names));
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.#random() * from.length)];
    if (picked === undefined) throw new Error("nothing to pick from");
    return picked;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  /** At a time of the clock. */
  relayAt(atMs: number, from: NodeId, to: NodeId, shares: number): void {
    this.clock.at(atMs, () => void this.#bring(this.#lifeOf(from), to, shares));
  }

  crashAt(atMs: number, node: NodeId): void {
    this.clock.at(atMs, () => {
      this.#lifeOf(node).isOver = true;
      this.#lives.set(node, this.#bear(node));
      this.#downUntilMs.set(node, this.clock.nowMs + this.#random() * DOWN_MS);
      this.counts.crashes += 1;
    });
  }

  /** When nothing is under way any more, and all relays are over: what must hold then. */
  settle(): void {
    this.clock.nowMs += 2 * LIMITS.relayMs;
    this.watch.end(this.#lives.values());
    for (const link of this.links.links.values()) link.expire(Number.POSITIVE_INFINITY);
  }

  async #bring(life: Life, to: NodeId, count: number): Promise<void> {
    const from = life.node;
    this.counts.begun += 1;
    const pair = pairName(pairOf(from, to));
    const nowMs = this.#nowMs(from);
    const relayed = await relayKey(this.#reachOf(life), {
      pair,
      shard: relayShardOf(count),
      bytes: 16 + Math.floor(this.#random() * 150),
      isCompared: this.#areApart(from, to),
      untilMs: nowMs + 10_000,
      nextPaths: (failures) => {
        if (failures.length > 6) return null;
        const blames = failures.flatMap(({ blamed }) => (blamed === null ? [] : [blamed]));
        return disjointSet(this.graph, [from, to], count, blames);
      },
    });
    if (!relayed.ok) {
      this.counts.failed += 1;
      return;
    }
    const { key, block, relayedBy, takeBack } = relayed.value;
    this.counts.relayed += 1;
    const stored = this.#poolCall(life, () => this.#ingest(from, block, relayedBy.relay, key));
    if (!(await asked(() => stored)).ok) takeBack();
    key.fill(0);
  }

  /** What both have brought stays. */
  #takeBack(relay: RelayId | null): Result<null, Fault> {
    const block = relay === null ? undefined : this.blocks.get(blockOfRelay(relay));
    if (block?.outcome === "unmatched") block.outcome = "voided";
    return ok(null);
  }

  #ingest(node: NodeId, block: BlockId, relay: RelayId, key: Uint8Array): Result<null, Fault> {
    const known: Block = this.blocks.get(block) ?? { relay, halves: new Map(), outcome: "unmatched" };
    this.blocks.set(block, known);
    if (known.outcome === "voided") return fail("conflict", "it has been taken back");
    if (known.halves.has(node)) this.watch.violations.push(`${node} brings ${block} a second time`);
    if (key.every((byte) => byte === 0)) this.watch.violations.push(`${node} brings a key that is wiped`);
    known.halves.set(node, key.slice());
    const [one, other] = [...known.halves.values()];
    if (one !== undefined && other !== undefined) {
      const isTaken = this.#areApart(...([...known.halves.keys()] as [NodeId, NodeId])) || toHex(one) === toHex(other);
      known.outcome = isTaken ? "delivered" : "quarantined";
    }
    return ok(null);
  }

  #areApart(a: NodeId, b: NodeId): boolean {
    const [one, other] = [a, b].map((node) => [...this.graph.keys()].indexOf(node) % this.#options.deployments);
    return one !== other;
  }

  #bear(node: NodeId): Life {
    const life: Life = {
      node,
      isOver: false,
      side: new NodeSide({
        node,
        nowMs: () => this.#nowMs(node),
        timer: (ms) => this.#timer(life, ms),
        drawHop: (neighbour, terms) => this.#drawHop(life, neighbour, terms),
        takeHop: (neighbour, terms, draw) => this.#takeHop(life, neighbour, terms, draw),
        isElsewhere: (other) => this.#areApart(node, other),
        store: ({ block, terms, key }) => this.#poolCall(life, () => this.#ingest(node, block, terms.relay, key)),
        takeBack: (_call, relay) => this.#poolCall(life, () => this.#takeBack(relay)),
        raise: (alarm) => this.alarms.push(alarm),
      }),
    };
    return life;
  }

  #timer(life: Life, ms: number): ReturnType<Reach["timer"]> {
    const over = this.clock.sleep(ms).then(() => (life.isOver ? never<void>() : undefined));
    return { over, cancel: () => undefined };
  }

  async #drawHop(life: Life, neighbour: NodeId, terms: RelayTerms): ReturnType<Reach["drawHop"]> {
    const drawn = await this.#poolCall(life, () => this.links.between(life.node, neighbour).draw(life.node, terms));
    if (drawn.ok) this.watch.give(life, terms, drawn.value.bytes);
    return drawn;
  }

  async #takeHop(life: Life, neighbour: NodeId, terms: RelayTerms, draw: LinkDraw): PoolResult<Uint8Array> {
    const { node } = life;
    const taken = await this.#poolCall(life, () =>
      this.links.between(node, neighbour).take(node, terms, draw, this.#nowMs(node)),
    );
    if (taken.ok) this.watch.give(life, terms, taken.value);
    return taken;
  }

  /** It may break before or after it has had its effect; the caller may be gone by the time of either. */
  async #poolCall<T>(life: Life, effect: () => Result<T, Fault>): Promise<Result<T, Fault>> {
    await this.#pause(3);
    if (life.isOver && this.chance(0.5)) return never();
    const isBroken = this.chance(this.#options.lost / 2);
    if (isBroken && this.chance(0.5)) throw new Error("the pool is not there");
    const result = effect();
    await this.#pause(3);
    if (life.isOver) return never();
    if (isBroken) throw new Error("the pool's answer is lost");
    return result;
  }

  #reachOf(life: Life): Reach {
    const { node } = life;
    return {
      nowMs: () => this.#nowMs(node),
      timer: (ms) => this.#timer(life, ms),
      newRelayId: () => `00000000-0000-4000-8000-${(++this.#relays).toString(16).padStart(12, "0")}` as RelayId,
      drawHop: (neighbour, terms) => this.#drawHop(life, neighbour, terms),
      stepAt: (to, step) => this.#carryStep(life, to, step),
      newChallenge: () => Uint8Array.from({ length: CHALLENGE_BYTES }, () => Math.floor(this.#random() * 256)),
      compareAt: (to, call) => this.#carry(life, to, async (at) => await at.side.compare(call)),
      raise: (alarm) => this.alarms.push(alarm),
      voidAt: (to, terms) => this.#carry(life, to, async (at) => await this.watch.giveUp(at, terms)),
    };
  }

  async #carryStep(life: Life, to: NodeId, step: RelayStep): Promise<Result<StepAnswer, Fault>> {
    const isSpoilt = this.#changed.has(step.message);
    if (step.position === 1) this.watch.seal(step, step.position, step.message);
    const isChanged = this.chance(this.#options.changed / 2);
    const sent = isChanged ? changed(step, this.#random) : step;
    const answer = await this.#carry(life, to, async (at) => {
      const isLie = this.liars.has(to) && sent.position < sent.terms.path.length - 1;
      const answered = await (isLie ? this.#lie(at, sent) : this.watch.step(at, sent));
      if (isSpoilt || isChanged) {
        if (answered.ok) this.watch.violations.push(`${to} takes a changed step`);
        this.counts.refusedChanges += 1;
      }
      return answered;
    });
    if (!answer.ok || answer.value.outcome !== "onward" || !this.chance(this.#options.changed / 2)) return answer;
    const spoilt = changed({ ...step, message: answer.value.message }, this.#random, ["bytes", "draw"]);
    this.#changed.add(spoilt.message);
    return ok({ outcome: "onward", message: spoilt.message });
  }

  async #lie(at: Life, step: RelayStep): Promise<Result<StepAnswer, Fault>> {
    const { node } = at;
    const answer = lyingStep(this.links, node, step, this.#nowMs(node), this.#random);
    if (answer.ok) this.falsified.add(step.terms.relay);
    await this.#pause(5);
    return answer;
  }

  async #carry<T>(
    life: Life,
    to: NodeId,
    question: (at: Life) => Promise<Result<T, Fault>>,
  ): Promise<Result<T, Fault>> {
    const { lost, doubled } = this.#options;
    if (this.chance(doubled)) {
      this.clock.at(this.clock.nowMs + this.#delayMs(), () => void question(this.#lifeOf(to)).catch(() => undefined));
    }
    if (this.chance(lost)) return never();
    await this.clock.sleep(this.#delayMs());
    if ((this.#downUntilMs.get(to) ?? 0) > this.clock.nowMs) return fail("unavailable", "the node is down");
    const answer = await question(this.#lifeOf(to));
    if (this.chance(lost)) return never();
    await this.clock.sleep(this.#delayMs());
    return life.isOver ? never() : structuredClone(answer);
  }

  #delayMs(): number {
    return this.chance(this.#options.late) ? this.#random() * LATE_MS : 1 + this.#random() * 30;
  }

  #pause(mostMs: number): Promise<void> {
    return this.clock.sleep(this.#random() * mostMs);
  }

  #nowMs(node: NodeId): number {
    return Math.floor(START_MS + this.clock.nowMs + (this.#skewsMs.get(node) ?? 0));
  }

  #lifeOf(node: NodeId): Life {
    const life = this.#lives.get(node);
    if (life === undefined) throw new Error(`there is no node ${node}`);
    return life;
  }
}
