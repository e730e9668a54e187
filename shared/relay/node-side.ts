/**
 * What a node does for relays that others have begun. Between the ends it takes what the node before has drawn, and at the
 * same time draws from the next link; the key is in its memory from when both have come to its answer. The target puts the
 * key into its pool, at once or when all shares have come.
 */
import { type Fault, fail } from "../errors/errors.ts";
import type { BlockId, NodeId } from "../ids.ts";
import type { PoolResult } from "../keypool/types.ts";
import { LIMITS } from "../limits.ts";
import { equalBytes } from "../postprocessing/authentication/equal.ts";
import { ok, type Result } from "../result.ts";
import { asked } from "./asked.ts";
import { blockOfRelay } from "./block.ts";
import { keyToStore, takeComparisonTag } from "./compare.ts";
import { type HopFlaw, openHop, sealHop } from "./hop.ts";
import { KeptKeys } from "./kept-keys.ts";
import { Shares, type WholeKey } from "./shares.ts";
import { flawOfComparison, flawOfShape, flawOfStep, flawOfTerms, flawOfVoiding } from "./terms.ts";
import { type Begun, Tombstones } from "./tombstones.ts";
import type {
  CompareAnswer,
  CompareCall,
  LinkDraw,
  RelayedBy,
  RelayId,
  RelayStep,
  RelayTerms,
  StepAnswer,
  VoidRelaysCall,
} from "./types.ts";
import { inTime, troubleOf, type WalkReach, wipeDrawn } from "./walk.ts";

/** What a node needs of its surroundings. What throws counts as `unavailable`. */
export interface NodePorts extends Pick<WalkReach, "nowMs" | "timer"> {
  readonly node: NodeId;
  /** From the pool of the link to that neighbour, as `RelayLinkRpc`. The bytes are wiped here. */
  drawHop(neighbour: NodeId, terms: RelayTerms): PoolResult<{ readonly draw: LinkDraw; readonly bytes: Uint8Array }>;
  takeHop(neighbour: NodeId, terms: RelayTerms, draw: LinkDraw): PoolResult<Uint8Array>;
  /** Does another deployment host that node? */
  isElsewhere(node: NodeId): boolean;
  /** The target's half of the block, into the pool that the key is for. */
  store(call: StoreCall): PoolResult<null>;
  /** Out of that pool again, if the initiator's half is not there: one relay's, or (null) all of this initiator's. */
  takeBack(call: VoidRelaysCall, relay: RelayId | null): PoolResult<null>;
  raise(alarm: RelayAlarm): void;
}

export interface StoreCall {
  readonly terms: RelayTerms;
  readonly block: BlockId;
  readonly relayedBy: RelayedBy;
  /** Wiped when the answer is there. */
  readonly key: Uint8Array;
}

export type RelayAlarm = HopAlarm | UnequalAlarm;

/** `tag-wrong`: forged or changed on the way. `bits-wrong`: a link has given another number of bits than it was asked. */
export interface HopAlarm {
  readonly what: "tag-wrong" | "bits-wrong";
  readonly relay: RelayId;
  readonly initiator: NodeId;
  /** The node whose hop it should have been. */
  readonly from: NodeId;
  readonly position: number;
}

/** The ends compared the key that they were to have in common. */
export interface UnequalAlarm {
  readonly what: "unequal";
  readonly relay: RelayId;
  /** One a share. */
  readonly paths: readonly (readonly NodeId[])[];
}

const REFUSALS = {
  again: ["conflict", "this step of the relay has been here before"],
  voided: ["conflict", "the relay has been given up"],
  full: ["unavailable", "the node takes part in as many relays as it can remember"],
} as const satisfies Record<Exclude<Begun, "new">, readonly [Fault["code"], string]>;

function refusal(why: keyof typeof REFUSALS): Result<never, Fault> {
  const [code, message] = REFUSALS[why];
  return fail(code, message);
}

const ALARMS = { tag: "tag-wrong", length: "bits-wrong" } as const satisfies Record<HopFlaw, HopAlarm["what"]>;

export class NodeSide {
  readonly #ports: NodePorts;
  readonly #tombstones = new Tombstones();
  readonly #shares = new Shares();
  readonly #kept = new KeptKeys();
  /** Of the keys of steps under way. */
  #bytes = 0;

  constructor(ports: NodePorts) {
    this.#ports = ports;
  }

  /** Of shares that wait for others, and of keys that wait to be compared. */
  get heldBytes(): number {
    return this.#shares.bytes + this.#kept.bytes;
  }

  async step(step: RelayStep): Promise<Result<StepAnswer, Fault>> {
    const { terms } = step;
    const nowMs = this.#ports.nowMs();
    this.#expire(nowMs);
    const flaw = flawOfStep(step, this.#ports.node, nowMs) ?? this.#flawOfCustody(step);
    if (flaw !== null) return fail("bad-request", flaw);
    if (this.#bytes + terms.bytes > LIMITS.relayStepsBytes)
      return fail("unavailable", "the node is at too many relays");
    const begun = this.#tombstones.begin(terms, nowMs);
    if (begun !== "new") return refusal(begun);
    this.#bytes += terms.bytes;
    try {
      const next = terms.path[step.position + 1];
      return next === undefined ? await this.#arrive(step) : await this.#passOn(step, next);
    } finally {
      this.#bytes -= terms.bytes;
    }
  }

  /** The target's part: the key goes into its pool if it is the initiator's, and else nowhere. */
  async compare(call: CompareCall): Promise<Result<CompareAnswer, Fault>> {
    const { terms, challenge, tag } = call;
    const nowMs = this.#ports.nowMs();
    const flaw = flawOfComparison(call, this.#ports.node, nowMs);
    if (flaw !== null) return fail("bad-request", flaw);
    const kept = this.#kept.take(terms, nowMs);
    if (!kept.ok) return kept;
    const { key, ...way } = kept.value;
    try {
      if (!equalBytes(takeComparisonTag(key, challenge), tag)) {
        this.#ports.raise({ what: "unequal", relay: terms.relay, paths: way.paths });
        return ok({ outcome: "unequal" });
      }
      const stored = await this.#put(terms, { key: keyToStore(key), ...way });
      return stored.ok ? ok({ outcome: "equal" }) : stored;
    } finally {
      key.fill(0);
    }
  }

  /** As `TrustedNodeRpc.voidRelay`. */
  async voidRelay(terms: RelayTerms): Promise<Result<null, Fault>> {
    const nowMs = this.#ports.nowMs();
    this.#expire(nowMs);
    const isOver = flawOfShape(terms) === null && terms.expiresMs <= nowMs;
    const flaw = isOver ? null : flawOfTerms(terms, nowMs);
    if (flaw !== null) return fail("bad-request", flaw);
    this.#drop(terms.relay);
    // Nobody goes on with what is over.
    if (!isOver && !this.#tombstones.void(terms.relay, nowMs)) return refusal("full");
    return terms.path.at(-1) === this.#ports.node ? await this.#takeBack(terms) : ok(null);
  }

  /** As `TrustedNodeRpc.voidRelays`. */
  async voidRelays(call: VoidRelaysCall): Promise<Result<null, Fault>> {
    const flaw = flawOfVoiding(call, this.#ports.node);
    if (flaw !== null) return fail("bad-request", flaw);
    for (const relay of this.#tombstones.voidAll(call)) this.#drop(relay);
    return await asked(() => this.#ports.takeBack(call, null));
  }

  /** Wipes shares whose others have not come in time, and keys that nobody has compared: for when no step comes that would. */
  sweep(): void {
    this.#expire(this.#ports.nowMs());
  }

  #drop(relay: RelayId): void {
    this.#shares.drop(relay);
    this.#kept.drop(relay);
  }

  #takeBack({ relay, pair, shard, path }: RelayTerms): Promise<Result<null, Fault>> {
    const from = path[0] ?? this.#ports.node;
    return asked(() => this.#ports.takeBack({ pair, shard, from }, relay));
  }

  #expire(nowMs: number): void {
    this.#shares.expire(nowMs);
    this.#kept.expire(nowMs);
  }

  /** Whether a key is compared is for both ends to know by themselves: neither takes the other's word that it need not be. */
  #flawOfCustody({ terms: { path, compared }, position }: RelayStep): string | null {
    const [initiator] = path;
    if (position < path.length - 1 || initiator === undefined) return null;
    const isElsewhere = this.#ports.isElsewhere(initiator);
    if (isElsewhere === (compared === true)) return null;
    return isElsewhere
      ? "a key between two deployments is compared by its ends"
      : "the pool compares what comes from a node of the same deployment";
  }

  async #passOn(step: RelayStep, next: NodeId): Promise<Result<StepAnswer, Fault>> {
    const { terms, position } = step;
    const [taken, drawn] = await Promise.all([this.#take(step), this.#draw(next, terms)]);
    try {
      if (!taken.ok) return taken;
      if (!drawn.ok) return drawn;
      const key = this.#open(step, taken.value);
      if (!key.ok) return key;
      const { draw, bytes } = drawn.value;
      const onward = isSimulated(step) ? { ...draw, simulated: true as const } : draw;
      const sealed = sealHop(terms, position + 1, onward, bytes, key.value);
      return sealed.ok ? ok({ outcome: "onward", message: sealed.value }) : this.#suspect(step, sealed.error);
    } finally {
      if (taken.ok) taken.value.fill(0);
      if (drawn.ok) drawn.value.bytes.fill(0);
    }
  }

  async #arrive(step: RelayStep): Promise<Result<StepAnswer, Fault>> {
    const { terms } = step;
    const taken = await this.#take(step);
    if (!taken.ok) return taken;
    try {
      const key = this.#open(step, taken.value);
      if (!key.ok) return key;
      const mark = isSimulated(step) ? { simulated: true as const } : {};
      if (terms.share[1] === 1) return await this.#store(terms, { key: key.value, paths: [terms.path], ...mark });
      const whole = this.#shares.add(terms, key.value, this.#ports.nowMs(), isSimulated(step));
      if (!whole.ok) return whole;
      return whole.value === null ? ok({ outcome: "held" }) : await this.#store(terms, whole.value);
    } finally {
      taken.value.fill(0);
    }
  }

  async #store(terms: RelayTerms, whole: WholeKey): Promise<Result<StepAnswer, Fault>> {
    try {
      const stored =
        terms.compared === true ? this.#kept.keep(terms, whole, this.#ports.nowMs()) : await this.#put(terms, whole);
      return stored.ok ? ok({ outcome: "stored" }) : stored;
    } finally {
      whole.key.fill(0);
    }
  }

  async #put(terms: RelayTerms, { key, ...way }: WholeKey): Promise<Result<null, Fault>> {
    const { relay } = terms;
    const call = { terms, block: blockOfRelay(relay), relayedBy: { relay, ...way }, key };
    const stored = await asked(() => this.#ports.store(call));
    if (!this.#tombstones.isVoided(relay)) return stored;
    // Given up while it was on its way into the pool.
    await this.#takeBack(terms);
    return refusal("voided");
  }

  /** Where the link's other half is elsewhere it may wait for that: the initiator shall hear that it was not this node. */
  async #draw(next: NodeId, terms: RelayTerms): ReturnType<NodePorts["drawHop"]> {
    const limits = { late: wipeDrawn, withinMs: LIMITS.relayDrawMs };
    const drawn = await inTime(this.#ports, terms, () => this.#ports.drawHop(next, terms), limits);
    if (drawn.ok || troubleOf(drawn.error) !== "silent") return drawn;
    return fail("no-path", `the link to ${next} does not answer`);
  }

  #take({ terms, position, message }: RelayStep): Promise<Result<Uint8Array, Fault>> {
    return asked(() => this.#ports.takeHop(fromOf(terms, position), terms, message.draw));
  }

  /** Looks again whether to go on: the pools took their time. */
  #open(step: RelayStep, taken: Uint8Array): Result<Uint8Array, Fault> {
    const { terms, position, message } = step;
    if (this.#tombstones.isVoided(terms.relay)) return refusal("voided");
    const flaw = flawOfTerms(terms, this.#ports.nowMs());
    if (flaw !== null) return fail("conflict", flaw);
    const key = openHop(terms, position, message, taken);
    return key.ok ? key : this.#suspect(step, key.error);
  }

  #suspect({ terms, position }: RelayStep, flaw: HopFlaw): Result<never, Fault> {
    const from = fromOf(terms, position);
    const [initiator = from] = terms.path;
    this.#ports.raise({ what: ALARMS[flaw], relay: terms.relay, initiator, from, position });
    return flaw === "tag"
      ? fail("forbidden", "the tag of the hop is wrong")
      : fail("internal", "a link has given another number of bits than it was asked");
  }
}

const isSimulated = ({ message }: RelayStep): boolean => message.draw.simulated === true;

/** The node before that position, which a step that has been looked at has. */
function fromOf({ path }: RelayTerms, position: number): NodeId {
  const from = path[position - 1];
  if (from === undefined) throw new Error("a step has a node before it");
  return from;
}
