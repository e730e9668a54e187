/**
 * Random histories of a pool against a model that remembers every key ever given: conservation holds after every
 * step, no bits are given twice, a recipient gets each of its keys once and only with the bytes the master got.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { expect, test } from "vitest";
import { B, C, hex, keysOf, makePool, randomBytes, type TestPool, value } from "../../test/support/in-workerd-pool.ts";
import type { KeyId } from "../../shared/ids.ts";

type Step =
  | { readonly do: "push"; readonly bytes: number }
  | { readonly do: "push-again" | "evict" | "alarm" | "roll" }
  | { readonly do: "enc"; readonly count: number; readonly sizeBits: number; readonly multicast: boolean }
  | { readonly do: "dec"; readonly pick: number; readonly by: "B" | "C" }
  | { readonly do: "void"; readonly who: "B" | "C" };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constant("push" as const), bytes: fc.integer({ min: 1, max: 9000 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("push-again" as const, "evict" as const, "alarm" as const, "roll" as const),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("enc" as const),
      count: fc.integer({ min: 1, max: 40 }),
      sizeBits: fc.integer({ min: 8, max: 128 }).map((octets) => octets * 8),
      multicast: fc.boolean(),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("dec" as const),
      pick: fc.nat(),
      by: fc.constantFrom("B" as const, "C" as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("void" as const), who: fc.constantFrom("B" as const, "C" as const) }),
  },
);

interface Given {
  readonly keyId: KeyId;
  readonly key: string;
  readonly waiting: Set<string>;
}

const SAES = { B: B.sae, C: C.sae };

class Model {
  readonly pool: TestPool;
  readonly given: Given[] = [];
  readonly material: Uint8Array[] = [];
  #epoch = 1;

  constructor(pool: TestPool) {
    this.pool = pool;
  }

  async apply(next: Step): Promise<void> {
    if (next.do === "push") {
      this.material.push(randomBytes(next.bytes));
      await this.pool.push(`block-${this.material.length}`, this.material.at(-1) ?? new Uint8Array(1));
    } else if (next.do === "push-again" && this.material.length > 0) {
      const again = await value(
        this.pool.push(`block-${this.material.length}`, this.material.at(-1) ?? new Uint8Array(1)),
      );
      expect(["already-ingested", "quarantined"]).toContain(again.outcome);
    } else if (next.do === "evict") await this.pool.evict();
    // oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
    else if (next.do === "alarm") await runDurableObjectAlarm(this.pool.stub as any);
    else if (next.do === "roll") await value(this.pool.stub.rollEpoch({ epoch: this.#nextEpoch() }));
    else if (next.do === "enc") await this.#enc(next);
    else if (next.do === "dec") await this.#dec(next);
    else if (next.do === "void") await this.#void(SAES[next.who]);
  }

  /** Of those that the bench has keys of. */
  #nextEpoch(): number {
    this.#epoch = this.#epoch === 1 ? 2 : 4;
    return this.#epoch;
  }

  async #enc({ count, sizeBits, multicast }: Extract<Step, { do: "enc" }>): Promise<void> {
    const saes = multicast ? [SAES.B, SAES.C] : [SAES.B];
    const { available } = (await this.pool.status()).ledgerBits;
    const result = await this.pool.enc({
      count,
      sizeBits,
      recipients: saes.map((sae) => ({ sae, node: this.pool.high })),
    });
    expect(result.ok).toBe(available >= count * sizeBits);
    if (!result.ok) return;
    keysOf(result.value).forEach((key, i) => {
      this.given.push({ keyId: result.value.keyIds[i]!, key, waiting: new Set(saes) });
    });
  }

  async #dec({ pick, by }: Extract<Step, { do: "dec" }>): Promise<void> {
    const first = this.given.length === 0 ? 0 : pick % this.given.length;
    const picked = this.given.slice(first, first + 1 + (pick % 5));
    if (picked.length === 0) return;
    const sae = SAES[by];
    const may = picked.every(({ waiting }) => waiting.has(sae));
    const result = await this.pool.dec(
      picked.map(({ keyId }) => keyId),
      { sae, principal: `sae:${sae}` },
    );
    expect(result.ok).toBe(may);
    if (!result.ok) return;
    expect(keysOf(result.value)).toEqual(picked.map(({ key }) => key));
    for (const { waiting } of picked) waiting.delete(sae);
  }

  async #void(sae: (typeof SAES)["B"]): Promise<void> {
    let after: number | null = 0;
    while (after !== null) after = (await value(this.pool.stub.voidPending({ sae, reason: "test", after }))).next;
    for (const { waiting } of this.given) waiting.delete(sae);
  }

  async check(): Promise<void> {
    const status = await this.pool.status();
    expect(status.conserved).toBe(true);
    const waiting = this.given.filter((given) => given.waiting.size > 0);
    expect(status.ledgerBits.pending).toBe(waiting.reduce((sum, { key }) => sum + key.length * 4, 0));
    const [units] = await this.pool.sql<{ free: number | null }>(
      "SELECT sum(length - cursor) AS free FROM unit WHERE state = 'available'",
    );
    expect((units?.free ?? 0) * 8).toBe(status.ledgerBits.available);
  }

  /** Keys are slices of the material, in order and without overlap: none shares a bit with another. */
  checkSlices(): void {
    const whole = this.material.map(hex).join("");
    let from = 0;
    for (const { key } of this.given) {
      const at = whole.indexOf(key, from);
      expect(at).toBeGreaterThanOrEqual(from);
      from = at + key.length;
    }
  }
}

test("random histories", { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const model = new Model(await makePool({ epoch: 1 }));
      for (const next of steps) {
        await model.apply(next);
        await model.check();
      }
      model.checkSlices();
    }),
    { numRuns: 40 },
  );
});
