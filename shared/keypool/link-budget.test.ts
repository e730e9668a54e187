import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PairName } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import { LinkBudget, type LinkStock, retryAfterSeconds } from "./link-budget.ts";

const LOW_BYTES = 100;
const FLOOR_BYTES = 20;
const HIGH_BYTES = 10_000;
const pairOf = (number: number): PairName => `a|${number}` as PairName;

/** A link whose key is counted in bits, its direct users, and pairs whose keys are relayed over it. */
class Link {
  readonly #budget = new LinkBudget();
  stock: LinkStock;
  nowMs = 0;
  /** Bits. */
  direct = 0;
  readonly relayed = new Map<PairName, number>();

  constructor(availableBits: number, lowBytes = LOW_BYTES, floorBytes = FLOOR_BYTES) {
    this.stock = { availableBits, lowBytes, floorBytes, highBytes: HIGH_BYTES };
  }

  get leftBits(): number {
    return this.#budget.leftBits(this.stock, this.nowMs);
  }

  add(bits: number): void {
    this.stock = { ...this.stock, availableBits: this.stock.availableBits + bits };
  }

  /** Somebody who uses the link directly, as pools let them: all or nothing, and never the floor. */
  use(bits: number): boolean {
    this.#budget.asked(bits, this.nowMs);
    if (this.stock.availableBits - bits < this.stock.floorBytes * 8) return false;
    this.add(-bits);
    this.direct += bits;
    return true;
  }

  relay(pair: PairName, bits: number): boolean {
    const refused = this.#budget.refusal(pair, bits, this.stock, this.nowMs);
    if (refused === "low") this.#budget.unserved(pair, this.nowMs);
    if (refused !== null) return false;
    this.#budget.took(pair, bits, this.stock, this.nowMs);
    this.add(-bits);
    this.relayed.set(pair, (this.relayed.get(pair) ?? 0) + bits);
    return true;
  }

  get relayedBits(): number {
    return [...this.relayed.values()].reduce((sum, bits) => sum + bits, 0);
  }
}

/** One that asks for no more can always be served before the watermark is reached. */
const MOST_DIRECT_BITS = (LOW_BYTES - FLOOR_BYTES) * 8;
const directBits = fc.integer({ min: 1, max: MOST_DIRECT_BITS });
const relayBits = fc.integer({ min: 1, max: 2000 });

/** What happens at a link; whoever is refused who uses it directly asks again first thing in the next step. */
const happenings = fc.array(
  fc.oneof(
    fc.record({ comes: fc.integer({ min: 0, max: 1500 }) }),
    fc.record({ wants: directBits }),
    fc.record({ relays: fc.nat(3), bits: relayBits }),
  ),
  { maxLength: 200 },
);

describe("direct use comes first", () => {
  test("no relay takes what lies below the watermark or the floor", () => {
    fc.assert(
      fc.property(fc.nat(5000), fc.nat(300), fc.nat(300), relayBits, (available, low, floor, bits) => {
        const link = new Link(available, low, floor);
        while (link.relay(pairOf(0), bits));
        const left = 8 * Math.max(low, floor);
        if (link.relayedBits > 0) expect(link.stock.availableBits).toBeGreaterThanOrEqual(left);
        expect(link.stock.availableBits - left).toBeLessThan(bits);
      }),
    );
  });

  test("while somebody waits who uses the link directly, no relay is served", () => {
    fc.assert(
      fc.property(fc.nat(3000), happenings, (available, history) => {
        const link = new Link(available);
        const waiting: number[] = [];
        const serve = () => {
          while (waiting.length > 0 && link.use(waiting[0] as number)) waiting.shift();
        };
        for (const step of history) {
          link.nowMs += 10;
          if ("comes" in step) link.add(step.comes);
          else if ("wants" in step) waiting.push(step.wants);
          serve();
          if ("relays" in step && link.relay(pairOf(step.relays), step.bits)) expect(waiting).toEqual([]);
        }
      }),
      { numRuns: 500 },
    );
  });

  test("it gets what it asks for, or half of the rate at least, however key comes in and however greedy relays are", () => {
    const histories = fc.record({
      lowBytes: fc.nat(400),
      floorBytes: fc.nat(200),
      availableBits: fc.nat(3000),
      /** Bits a step, and how many steps' worth come at once: a step has 100 ms. */
      inBits: fc.integer({ min: 20, max: 600 }),
      atOnce: fc.integer({ min: 1, max: 20 }),
      wantedBits: fc.integer({ min: 1, max: 600 }),
      /** Keys of one size, as many as that takes. */
      keyBits: fc.integer({ min: 1, max: 256 }),
      greed: relayBits,
    });
    fc.assert(
      fc.property(histories, ({ lowBytes, floorBytes, availableBits, inBits, atOnce, wantedBits, keyBits, greed }) => {
        const link = new Link(availableBits, lowBytes, floorBytes);
        const settled = 200;
        const steps = 800;
        let owedBits = 0;
        let before = 0;
        for (let step = 0; step < steps; step++) {
          link.nowMs += 100;
          if (step % atOnce === 0) link.add(inBits * atOnce);
          for (let pair = 0; pair < 3; pair++) while (link.relay(pairOf(pair), greed));
          // Of what is refused, no more is asked for again than comes in a step.
          for (owedBits += wantedBits; owedBits >= keyBits; owedBits -= keyBits) if (!link.use(keyBits)) break;
          owedBits = Math.min(owedBits, Math.max(wantedBits, keyBits));
          if (step === settled) before = link.direct;
        }
        const got = link.direct - before;
        const due = (steps - settled - 1) * Math.min(wantedBits, inBits / 2);
        expect(got).toBeGreaterThanOrEqual(due * 0.98 - 2 * atOnce * (inBits + keyBits));
      }),
      { numRuns: 300 },
    );
  });

  test("is left no more than half of the high watermark", () => {
    const link = new Link(HIGH_BYTES * 8);
    for (let asks = 0; asks < 100; asks++) link.use(HIGH_BYTES * 8);
    expect(link.leftBits).toBe(HIGH_BYTES * 4);
    link.nowMs += 60_000;
    expect(link.leftBits).toBe(LOW_BYTES * 8);
  });

  test("what it does not ask for relays get", () => {
    const link = new Link(LOW_BYTES * 8);
    for (let round = 0; round < 2000; round++) {
      link.nowMs += 100;
      link.add(100);
      expect(link.use(40)).toBe(true);
      while (link.relay(pairOf(0), 10));
    }
    expect(link.direct).toBe(80_000);
    expect(link.relayedBits + link.stock.availableBits).toBe(120_000 + LOW_BYTES * 8);
    expect(link.stock.availableBits).toBeLessThan(2500);
    for (let round = 0; round < 1000; round++) {
      link.nowMs += 100;
      while (link.relay(pairOf(0), 10));
    }
    expect(link.stock.availableBits).toBe(LOW_BYTES * 8);
  });
});

describe("among pairs", () => {
  test("what is left over is shared equally while it is short, whoever asks more often", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.nat(), (pairs, seed) => {
        const link = new Link(LOW_BYTES * 8);
        for (let pair = 0; pair < pairs; pair++) link.relay(pairOf(pair), 50);
        for (let round = 0, random = seed; round < 400; round++) {
          link.nowMs += 100;
          link.add(50);
          // The first asks five times as often as all others.
          for (let ask = 0; ask < 5; ask++) link.relay(pairOf(0), 50);
          for (let turn = 0; turn < pairs; turn++) {
            random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
            link.relay(pairOf((turn + (random >>> 8)) % pairs), 50);
          }
        }
        const shares = Array.from({ length: pairs }, (_, pair) => link.relayed.get(pairOf(pair)) ?? 0);
        const equal = link.relayedBits / pairs;
        expect(link.relayedBits).toBeGreaterThanOrEqual(20_000 - pairs * 50);
        for (const share of shares) expect(Math.abs(share - equal)).toBeLessThan(equal / 4);
      }),
    );
  });

  test("nobody is kept waiting where there is plenty", () => {
    const link = new Link(LIMITS.relayBytes * 8 * 10);
    link.relay(pairOf(1), 8);
    for (let draws = 0; draws < 8; draws++) expect(link.relay(pairOf(0), LIMITS.relayBytes * 8)).toBe(true);
  });
});

test("who is refused is told to come when there may be enough", () => {
  expect(retryAfterSeconds(8000, null)).toBe(1);
  expect(retryAfterSeconds(8000, 1000)).toBe(8);
  expect(retryAfterSeconds(1, 1000)).toBe(1);
  expect(retryAfterSeconds(0, 0)).toBe(1);
  expect(retryAfterSeconds(-5, 1000)).toBe(1);
  expect(retryAfterSeconds(8, 0)).toBe(30);
});
