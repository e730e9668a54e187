/**
 * Random histories of two halves that allocate at once, over a carrier that loses, doubles, delays and reorders, with
 * crashes of either side at any moment. Whatever happens: no bit is in two keys, at whichever end they were given; what
 * was given can be fetched at the other end, with equal bytes; each unit has at most one half that may allocate from
 * it; each half's ledger balances, and both tell the same in the end.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { KeyId } from "../../shared/ids.ts";
import { batchPrefix } from "../../shared/keypool/key-id.ts";
import type { KeyGrant } from "../../shared/keypool/types.ts";
import { Crashed, type Fate, type Halves, makeHalves, type TestHalf } from "../../test/support/in-workerd-halves.ts";
import { voidLone } from "./half-lone.ts";
import { retireBegun } from "./begun-units.ts";
import { keysOf, randomBytes } from "../../test/support/in-workerd-pool.ts";

type End = "low" | "high";
type Operation =
  | { readonly do: "enc"; readonly at: End; readonly count: number; readonly octets: number }
  | { readonly do: "dec"; readonly pick: number }
  | { readonly do: "crash"; readonly at: End }
  | { readonly do: "catch-up"; readonly at: End }
  | { readonly do: "retire"; readonly at: End }
  | { readonly do: "give up"; readonly at: End };
type Step =
  | { readonly do: "push"; readonly bytes: number; readonly ends: readonly End[] }
  | { readonly do: "burst"; readonly operations: readonly Operation[] };

const end: fc.Arbitrary<End> = fc.constantFrom("low", "high");
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("enc" as const),
      at: end,
      count: fc.integer({ min: 1, max: 12 }),
      octets: fc.integer({ min: 8, max: 1000 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("dec" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("crash" as const), at: end }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("catch-up" as const), at: end }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("retire" as const), at: end }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("give up" as const), at: end }) },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("push" as const),
      bytes: fc.integer({ min: 1, max: 20_000 }),
      ends: fc.constantFrom<readonly End[]>(["low", "high"], ["high", "low"], ["low"], ["high"]),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("burst" as const),
      operations: fc.array(operation, { minLength: 1, maxLength: 10 }),
    }),
  },
);

const pause = async (): Promise<void> => {
  await new Promise<void>((resolve) => setTimeout(resolve, 1));
};

/** mulberry32: numbers in [0, 1) from a seed that a failing run prints. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Weight of each thing that may happen to a post. */
const FATES = {
  delivered: 60,
  delayed: 8,
  "request lost": 6,
  "answer lost": 6,
  doubled: 6,
  "delivered again later": 6,
  "receiver crashes before": 3,
  "receiver crashes after": 3,
  "sender crashes after": 2,
} as const;

function fateOf(half: TestHalf, random: () => number): Fate {
  const late: Parameters<Fate>[0][] = [];
  const fate: Fate = async (send) => {
    let roll = random() * Object.values(FATES).reduce((sum, weight) => sum + weight, 0);
    const what = (Object.keys(FATES) as (keyof typeof FATES)[]).find((name) => (roll -= FATES[name]) < 0);
    const crash = (which: TestHalf) => {
      // Not once the carrier has been put right, however late this post is.
      if (half.fate === fate) which.crash();
    };
    if (random() < 0.3) await late.shift()?.();
    if (what === "delayed") for (let turns = random() * 30; turns > 0; turns--) await pause();
    if (what === "receiver crashes before") crash(half.other);
    if (what === "request lost") throw new Error("lost");
    const answer = await send();
    if (what === "doubled") await send();
    if (what === "delivered again later") late.push(send);
    if (what === "receiver crashes after") crash(half.other);
    if (what === "sender crashes after") crash(half);
    if (what === "answer lost") throw new Error("lost");
    return answer;
  };
  return fate;
}

interface Given {
  readonly keyId: KeyId;
  readonly key: string;
  readonly by: TestHalf;
  /** Of a half that crashed while it delivered, nobody knows. */
  fetched: boolean | "unknown";
}

class Model {
  readonly halves: Halves = makeHalves();
  readonly given: Given[] = [];
  readonly #material = new Map<string, Uint8Array>();
  readonly #taken = new Map<string, Uint8Array>();
  /** A half has given up a block at some time. */
  #hasGivenUp = false;
  readonly #missing: { block: string; half: TestHalf }[] = [];

  constructor(seed: number) {
    const random = numbers(seed);
    for (const half of this.halves.both) half.fate = fateOf(half, random);
  }

  async apply(next: Step): Promise<void> {
    if (next.do === "push") await this.#push(next.bytes, next.ends);
    else await Promise.all(next.operations.map(async (each) => await this.#operate(each)));
  }

  async #push(bytes: number, ends: readonly End[]): Promise<void> {
    const block = `block-${this.#material.size}`;
    this.#material.set(block, randomBytes(bytes));
    this.#taken.set(block, new Uint8Array(bytes));
    for (const each of ["low", "high"] as const) {
      if (!ends.includes(each)) this.#missing.push({ block, half: this.halves[each] });
    }
    for (const each of ends) await this.#pushTo(block, this.halves[each]);
  }

  /** As an agent does: again, until the pool has it. */
  async #pushTo(block: string, half: TestHalf): Promise<void> {
    for (;;) {
      const pushed = await unlessCrashed(half.push(block, this.#material.get(block) ?? new Uint8Array()));
      if (pushed?.ok === true) return;
    }
  }

  async #operate(next: Operation): Promise<void> {
    if (next.do === "crash") this.halves[next.at].crash();
    else if (next.do === "catch-up") await unlessCrashed(this.halves[next.at].catchUp());
    else if (next.do === "retire") await this.#retire(this.halves[next.at]);
    else if (next.do === "give up") await this.#giveUp(this.halves[next.at]);
    else if (next.do === "enc") await this.#enc(this.halves[next.at], next.count, next.octets);
    else await this.#dec(next.pick);
  }

  /** As if units had been in use for long. */
  async #retire(half: TestHalf): Promise<void> {
    const laterMs = Date.now() + 2 * half.config.policy.unit_max_age_s * 1000;
    await unlessCrashed(half.run(async ({ pool }) => await retireBegun(pool, laterMs)));
  }

  /** As if what the other half has not told of had waited for long. */
  async #giveUp(half: TestHalf): Promise<void> {
    const laterMs = Date.now() + 2 * half.config.policy.unmatched_ttl_s * 1000;
    await unlessCrashed(half.run(async ({ pool }) => await voidLone(pool, laterMs)));
    if ((await half.alarms()).includes("twin-missing")) this.#hasGivenUp = true;
  }

  async #enc(half: TestHalf, count: number, octets: number): Promise<void> {
    const result = await unlessCrashed(half.enc({ count, sizeBits: octets * 8 }));
    if (result === undefined || !result.ok) return;
    await this.#checkKnownOverThere(half.other, result.value);
    await this.#checkBits(half, result.value);
    keysOf(result.value).forEach((key, i) => {
      this.given.push({ keyId: result.value.keyIds[i]!, key, by: half, fetched: false });
    });
  }

  /** Not answered before the other half durably has the record. */
  async #checkKnownOverThere(other: TestHalf, grant: KeyGrant): Promise<void> {
    const sql = "SELECT record FROM key_import WHERE hex(nonce) = ?";
    expect(await other.sql(sql, nonceOf(grant))).toHaveLength(1);
  }

  /** The keys are the material's bytes at the places the record tells, and no byte of them was in a key before. */
  async #checkBits(half: TestHalf, grant: KeyGrant): Promise<void> {
    const [record] = await half.sql<{ segments: string }>(
      "SELECT segments FROM key_record WHERE hex(nonce) = ?",
      nonceOf(grant),
    );
    let at = 0;
    for (const [unit, offset, length] of JSON.parse(record?.segments ?? "[]") as [number, number, number][]) {
      const [place] = await half.sql<{ block: string; offset: number }>(
        "SELECT block.id AS block, unit.offset FROM unit JOIN block ON block.seq = unit.block WHERE unit.id = ?",
        unit,
      );
      const from = (place?.offset ?? 0) + offset;
      const material = this.#material.get(place?.block ?? "")?.subarray(from, from + length);
      expect(material).toEqual(grant.bytes.subarray(at, at + length));
      const taken = this.#taken.get(place?.block ?? "")?.subarray(from, from + length);
      expect(taken?.every((byte) => byte === 0)).toBe(true);
      taken?.fill(1);
      at += length;
    }
    expect(at).toBe(grant.bytes.length);
  }

  async #dec(pick: number): Promise<void> {
    const waiting = this.given.filter(({ fetched }) => fetched === false);
    if (waiting.length === 0) return;
    await this.#fetch(waiting[pick % waiting.length]!);
  }

  async #fetch(given: Given): Promise<void> {
    if (given.fetched === true) return;
    const wasUnknown = given.fetched === "unknown";
    given.fetched = "unknown";
    const result = await unlessCrashed(given.by.other.dec([given.keyId]));
    if (result === undefined) return;
    given.fetched = true;
    if (!result.ok && wasUnknown) return;
    expect(result.ok).toBe(true);
    if (result.ok) expect(keysOf(result.value)).toEqual([given.key]);
  }

  async checkOwners(): Promise<void> {
    const { low, high } = this.halves;
    const sql = `SELECT block.id || ':' || unit.offset AS place FROM unit JOIN block ON block.seq = unit.block
       WHERE unit.state = 'available' AND unit.owner = ?`;
    const own = async (half: TestHalf) =>
      new Set((await half.sql<{ place: string }>(sql, half.node)).map(({ place }) => place));
    // Low's again after high's: a unit may change hands between two looks.
    const [before, there, after] = [await own(low), await own(high), await own(low)];
    expect([...before].filter((place) => after.has(place) && there.has(place))).toEqual([]);
  }

  async checkBooks(): Promise<void> {
    for (const half of this.halves.both) {
      const books = await unlessCrashed(half.books());
      expect(books?.isConserved ?? true).toBe(true);
    }
  }

  /** In the end all is known at both ends, and every key that was given can be had. */
  async finish(): Promise<void> {
    for (const { block, half } of this.#missing) await this.#pushTo(block, half);
    await this.halves.settle();
    // What one had given up has come to the other after all.
    for (const half of this.halves.both) await this.#giveUp(half);
    await this.halves.settle();
    await this.#checkEqual();
    for (const given of this.given) await this.#fetch(given);
    await this.halves.settle();
    await this.#checkEqual();
    // What is given up while it comes is disputed, and given to nobody.
    const allowed = new Set(["twin-missing", "halves-disagree"]);
    for (const half of this.halves.both) {
      const alarms = await half.alarms();
      expect(alarms.filter((code) => !this.#hasGivenUp || !allowed.has(code))).toEqual([]);
    }
  }

  /** What one end had retired when it heard that the other had given the block up, is spent all the same. */
  #compared({ remainder, voided, ...others }: Awaited<ReturnType<TestHalf["books"]>>["ledger"]): object {
    return this.#hasGivenUp ? { ...others, spent: remainder + voided } : { ...others, remainder, voided };
  }

  async #checkEqual(): Promise<void> {
    const [low, high] = await Promise.all(this.halves.both.map(async (half) => (await half.books()).ledger));
    expect(this.#compared(low!)).toEqual(this.#compared(high!));
    expect(low?.reserved).toBe(0);
  }
}

const nonceOf = ({ keyIds: [first] }: KeyGrant): string => batchPrefix(first!).replaceAll("-", "").toUpperCase();

async function unlessCrashed<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Crashed) return undefined;
    throw error;
  }
}

test("two directions at once never share a bit", { timeout: 300_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), fc.integer(), async (steps, seed) => {
      const model = new Model(seed);
      await model.apply({ do: "push", bytes: 25_000, ends: ["low", "high"] });
      for (const next of steps) {
        await model.apply(next);
        await model.checkBooks();
        await model.checkOwners();
      }
      await model.finish();
    }),
    // What is on its way when is not repeated exactly, so a smaller history says no more than the one that failed.
    { numRuns: 10, endOnFailure: true },
  );
});
