/**
 * Plays operations against a real KeyPool object, over RPC, with the runtime's own evictions and alarms: the class
 * around the pool, its lease and its alarm take part. One operation after the other, as only the model may know more.
 */
import { runDurableObjectAlarm } from "cloudflare:test";
import fc from "fast-check";
import { expect } from "vitest";
import { makeNonce, MASK_BYTES } from "../../shared/keypool/key-id.ts";
import { expandRun, writeKeyIds } from "../../shared/keypool/key-id-run.ts";
import {
  type Cast,
  castOf,
  decOf,
  encOf,
  type Given,
  importOf,
  type Of,
  pushesOf,
  saeOf,
} from "./in-workerd-model-calls.ts";
import { checkKeys, checkPush } from "./in-workerd-model-checks.ts";
import { configOf } from "./in-workerd-model-history.ts";
import { lengths, operation, type Operation, type Plot, SETTINGS } from "./in-workerd-model-steps.ts";
import { PoolModel } from "./in-workerd-model.ts";
import { defaultPolicy, makeLate, makePool, type TestPool, value } from "./in-workerd-pool.ts";

type VoidStep = { readonly keys: number; readonly next: number | null };
type Step = Operation | { readonly do: "evict" | "expire" | "late" };

export interface ObjectPlot extends Pick<Plot, "bytes"> {
  readonly settings: number;
  readonly steps: readonly Step[];
}

export const objectPlot: fc.Arbitrary<ObjectPlot> = fc.record({
  bytes: lengths,
  settings: fc.nat(SETTINGS.length - 1),
  steps: fc.array(
    fc.oneof<fc.WeightedArbitrary<Step>[]>(
      { weight: 9, arbitrary: operation },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constantFrom("evict" as const, "evict" as const, "expire" as const, "late" as const),
        }),
      },
    ),
    { minLength: 1, maxLength: 20, size: "max" },
  ),
});

/** Nothing runs out by itself, however slow the machine: the model's clock stands still. */
const POLICY = { ...defaultPolicy, delivery_grace_s: 3600, pool: { ...defaultPolicy.pool, low_bytes: 0 } };
const NOW_MS = 1;
// oxlint-disable-next-line typescript/no-explicit-any -- the test runtime wants its own stub type
const runAlarm = async ({ stub }: TestPool) => await runDurableObjectAlarm(stub as any);
const FIRST_EPOCH = 1;

export class ObjectHistory {
  readonly #plot: ObjectPlot;
  readonly #pool: TestPool;
  readonly #cast: Cast;
  readonly #model: PoolModel;
  readonly #given: Given[] = [];
  readonly #imports: { readonly nonce: Uint8Array; readonly given: Given }[] = [];

  private constructor(plot: ObjectPlot, pool: TestPool, model: PoolModel) {
    this.#plot = plot;
    this.#pool = pool;
    this.#model = model;
    this.#cast = castOf(pool.pair);
  }

  static async play(plot: ObjectPlot): Promise<void> {
    const pool = await makePool({ ...SETTINGS[plot.settings], policy: POLICY, epoch: FIRST_EPOCH });
    const config = configOf({ do: "set", settings: plot.settings, capacity: 0 }, 1, FIRST_EPOCH);
    const history = new ObjectHistory(plot, pool, new PoolModel({ ...config, pair: pool.pair, policy: POLICY }));
    for (const step of plot.steps) {
      await history.#do(step);
      await history.#check();
    }
    await history.#finish();
  }

  async #check(): Promise<void> {
    const { ledgerBits, ingestedBits, conserved, health } = await this.#pool.status();
    expect(conserved, "every bit is in one state").toBe(true);
    expect(ledgerBits).toEqual(this.#model.ledger);
    expect(ingestedBits).toBe(this.#model.blocks.ingestedBits);
    expect(health.quarantinedBlocks).toBe(this.#model.blocks.quarantinedBlocks);
  }

  async #do(step: Step): Promise<void> {
    const pool = this.#pool;
    if (step.do === "push") await this.#push(step);
    else if (step.do === "enc") await this.#enc(step);
    else if (step.do === "dec") {
      const call = decOf(step, this.#given);
      checkKeys(await pool.stub.decKeys(call), this.#model.dec(call, NOW_MS));
    } else if (step.do === "void") await this.#void(step);
    else if (step.do === "import") await this.#import(step);
    else if (step.do === "void import") await this.#voidImport(step);
    else if (step.do === "upkeep") await runAlarm(pool);
    else if (step.do === "roll") await this.#roll();
    else if (step.do === "expire") await this.#expire();
    else if (step.do === "late") {
      await makeLate(pool);
      this.#model.blocks.giveUpLate(this.#model.config, new Set(), Infinity);
    } else await pool.evict();
  }

  async #push(one: Of<"push">): Promise<void> {
    for (const push of pushesOf(one, this.#plot, this.#cast)) {
      const answer = await this.#pool.push(push.id, push.material.bytes, push.node);
      checkPush(answer, this.#model.push(push, NOW_MS));
    }
  }

  async #enc(one: Of<"enc">): Promise<void> {
    const call = encOf({ ...one, importer: null }, this.#cast);
    const answer = await this.#pool.stub.encKeys(call);
    const keyIds = answer.ok ? answer.value.keyIds : [];
    checkKeys(answer, this.#model.enc(call, keyIds, "pending", NOW_MS) ?? { code: "not-enough-keys" });
    if (answer.ok) this.#given.push({ keyIds, master: call.master, recipients: call.recipients });
  }

  async #void({ sae: which }: Of<"void">): Promise<void> {
    const sae = which === null ? null : saeOf(which, this.#cast);
    for (let after: number | null = 0; after !== null;) {
      const { keys, next }: VoidStep = await value(this.#pool.stub.voidPending({ sae, reason: "test", after }));
      expect({ keys, next }).toEqual(this.#model.void({ sae, after }));
      after = next;
    }
  }

  async #import(one: Of<"import">): Promise<void> {
    const { count, sizeBits, ...call } = importOf(one, this.#cast);
    const nonce = makeNonce(crypto.getRandomValues(new Uint8Array(8)), 0);
    const mask = crypto.getRandomValues(new Uint8Array(MASK_BYTES));
    const bytes = crypto.getRandomValues(new Uint8Array((count * sizeBits) / 8));
    const sizeBytes = sizeBits / 8;
    const keyIds = expandRun(writeKeyIds(nonce, mask, 77, count));
    const keys = keyIds.map((_, index) => bytes.slice(index * sizeBytes, (index + 1) * sizeBytes));
    const expiresMs = Date.now() + 24 * 3600 * 1000;
    const answer = await this.#pool.stub.importKeys({ ...call, nonce, mask, keys: count, sizeBytes, bytes, expiresMs });
    expect(answer.ok).toBe(this.#model.import({ ...call, count, sizeBits }, keyIds, keys, NOW_MS));
    if (!answer.ok) return;
    const given = { keyIds, master: call.master, recipients: call.recipients };
    this.#given.push(given);
    this.#imports.push({ nonce, given });
  }

  async #voidImport({ record }: Of<"void import">): Promise<void> {
    const imported = this.#imports[record % Math.max(1, this.#imports.length)];
    const first = imported?.given.keyIds[0];
    if (imported === undefined || first === undefined) return;
    await value(this.#pool.stub.voidImport(imported.nonce));
    this.#model.voidImport(first);
  }

  async #roll(): Promise<void> {
    for (let remaining = true; remaining;) {
      ({ remaining } = await value(this.#pool.stub.rollEpoch({ epoch: FIRST_EPOCH + 1 })));
    }
  }

  /** As if all that was given had been waiting for too long. */
  async #expire(): Promise<void> {
    await this.#pool.sql("UPDATE key_record SET expires_ms = 1");
    await this.#pool.evict(); // what it holds in memory is older
    this.#model.expire(new Set(), Infinity);
    const isDone = async () => {
      await runAlarm(this.#pool);
      return (await this.#pool.sql("SELECT id FROM key_record LIMIT 1")).length === 0;
    };
    await expect.poll(isDone, { timeout: 10_000 }).toBe(true);
  }

  /** Every key that waits can be had after a restart. */
  async #finish(): Promise<void> {
    await this.#pool.evict();
    for (const { master, keyIds, left, recipients } of this.#model.records.values()) {
      for (const { sae } of recipients) {
        const asked = keyIds.filter((_, index) => left[index]?.has(sae));
        if (asked.length === 0) continue;
        const call = { configVersion: 0, principal: `sae:${sae}`, sae, master, keyIds: asked };
        checkKeys(await this.#pool.stub.decKeys(call), this.#model.dec(call, NOW_MS));
      }
    }
    await this.#check();
  }
}
