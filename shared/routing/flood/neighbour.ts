/**
 * What a node has still to tell one neighbour, and when it tries. One call is under way at a time: what comes in
 * meanwhile goes along with the next. What was told is told again until the neighbour has answered.
 */
import type { NodeId } from "../../ids.ts";
import { fullBucket, takeToken } from "../../keypool/token-bucket.ts";
import { LIMITS } from "../../limits.ts";
import type { Entry } from "./database.ts";

/** Where it is, and what it takes to wait for it. */
export interface NeighbourParts {
  readonly node: NodeId;
  /** By this deployment. */
  readonly isHosted: boolean;
  /** 0 to 1: so that deployments that lost each other do not call in step. */
  readonly random: () => number;
  /** It has not answered for several calls, or does so again. */
  readonly told: (isAway: boolean) => void;
}

/** What one call told. */
export interface Sent {
  readonly entries: readonly Entry[];
  /** The greeting that it was; null: it was none. */
  readonly greeting: number | null;
}

const ALLOWANCES = ["floodCalls", "floodGreetings", "floodForgeries"] as const;
type Allowance = (typeof ALLOWANCES)[number];

export class Neighbour {
  readonly node: NodeId;
  /** Nodes of which the neighbour is not known to have what is held here. */
  readonly #owed = new Set<NodeId>();
  #greeting = 0;
  #greetings = 0;
  readonly #calls = new Map<number, Sent>();
  #underWay: { readonly id: number; readonly untilMs: number } | null = null;
  readonly #parts: NeighbourParts;
  #failures = 0;
  #isAway = false;
  #notBeforeMs = -Infinity;
  readonly #buckets: Record<Allowance, ReturnType<typeof fullBucket>>;
  /** A call of the neighbour's is being looked at. */
  isHeard = false;

  constructor(parts: NeighbourParts, nowMs: number) {
    this.#parts = parts;
    this.node = parts.node;
    const full = (name: Allowance) => fullBucket(LIMITS[name].burst, nowMs);
    this.#buckets = {
      floodCalls: full("floodCalls"),
      floodGreetings: full("floodGreetings"),
      floodForgeries: full("floodForgeries"),
    };
  }

  owe(node: NodeId): void {
    this.#owed.add(node);
  }

  /** The neighbour has it, or there is nothing to tell any more. */
  settle(node: NodeId): void {
    this.#owed.delete(node);
  }

  get owed(): ReadonlySet<NodeId> {
    return this.#owed;
  }

  oweGreeting(): void {
    this.#greeting = ++this.#greetings;
  }

  settleGreeting(): void {
    this.#greeting = 0;
  }

  /** Number of the one that is owed; 0: none is. */
  get greeting(): number {
    return this.#greeting;
  }

  /** Whether the neighbour may do one more of these. */
  takes(allowance: Allowance, nowMs: number): boolean {
    const { bucket, waitMs } = takeToken(this.#buckets[allowance], LIMITS[allowance], nowMs);
    this.#buckets[allowance] = bucket;
    return waitMs === 0;
  }

  /** Whether signatures that it passes on are worth a look. */
  mayForge(nowMs: number): boolean {
    return takeToken(this.#buckets.floodForgeries, LIMITS.floodForgeries, nowMs).waitMs === 0;
  }

  /** When the next call may be made. */
  get freeMs(): number {
    return this.#underWay === null ? this.#notBeforeMs : Infinity;
  }

  /** When the call under way counts as lost. */
  get lostMs(): number {
    return this.#underWay?.untilMs ?? Infinity;
  }

  called(id: number, sent: Sent, nowMs: number): void {
    this.#calls.set(id, sent);
    const [oldest] = this.#calls.keys();
    if (this.#calls.size > LIMITS.floodLateCalls && oldest !== undefined) this.#calls.delete(oldest);
    this.#underWay = { id, untilMs: nowMs + LIMITS.floodCallMs };
    this.#notBeforeMs = nowMs + LIMITS.floodPauseMs;
  }

  /** @returns what the neighbour has now: empty where it did not take the call, or has begun anew since */
  answered(id: number, isTaken: boolean, nowMs: number): readonly Entry[] {
    const sent = this.#calls.get(id);
    this.#calls.delete(id);
    if (this.#underWay?.id === id) this.#underWay = null;
    else if (!isTaken) return [];
    if (!isTaken) {
      this.#failed(nowMs);
      return [];
    }
    if (this.#failures > 0) this.#isBack(nowMs);
    if (sent?.greeting === this.#greeting) this.#greeting = 0;
    return sent?.entries ?? [];
  }

  /** The call under way has got no answer in time. */
  lost(nowMs: number): void {
    this.#underWay = null;
    this.#failed(nowMs);
  }

  /** It lives: no need to wait for the next attempt. */
  heard(nowMs: number): void {
    if (this.#failures > 0) this.#isBack(nowMs);
  }

  /**
   * It may have begun anew: what it took before counts for nothing. A greeting does: who has begun anew tells everything
   * unasked.
   */
  forget(nowMs: number): void {
    for (const [id, { greeting }] of this.#calls) this.#calls.set(id, { entries: [], greeting });
    if (this.#failures === 0) return;
    this.#underWay = null;
    this.#isBack(nowMs);
  }

  #isBack(nowMs: number): void {
    this.#failures = 0;
    this.#notBeforeMs = Math.min(this.#notBeforeMs, nowMs + LIMITS.floodPauseMs);
    if (this.#isAway) this.#parts.told(false);
    this.#isAway = false;
  }

  #failed(nowMs: number): void {
    this.#notBeforeMs = nowMs + this.#waitMs();
    this.#failures += 1;
    if (this.#isAway || this.#failures < LIMITS.floodAwayCalls) return;
    this.#isAway = true;
    this.#parts.told(true);
  }

  /** However long a deployment has been away: the end of that is known as soon as that of a short outage. */
  #waitMs(): number {
    const { isHosted, random } = this.#parts;
    const waitMs = Math.min(LIMITS.floodRetryMaxMs, LIMITS.floodRetryMs * 2 ** Math.min(this.#failures, 16));
    return isHosted ? waitMs : Math.ceil(waitMs * (1 - random() / 2));
  }
}
