/** Hops of single keys out of runs: what they cost, and what becomes of a run whatever happens while it is open. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { BlockId, NodeId } from "../../shared/ids.ts";
import type { DrawCall } from "../../shared/relay/types.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { Clock } from "../../test/support/in-workerd-model-clock.ts";
import { configOf, PAIR } from "../../test/support/in-workerd-model-history.ts";
import type { Life, PoolLives } from "../../test/support/in-workerd-model-life.ts";
import { playAll } from "../../test/support/in-workerd-model-play.ts";
import { code, defaultPolicy, hex, randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import {
  booksOf,
  drawCall,
  hop as hopOver,
  LEVELS,
  linkStateOf,
  makeLink,
  relayPolicy,
  termsOver,
  up,
} from "../../test/support/in-workerd-relay.ts";
import type { Drawn } from "./drawn-bits.ts";
import { rollStep } from "./epoch-roll.ts";
import { ingestBlock } from "./ingest.ts";
import { drawHop } from "./relay-draw.ts";
import { takeHop } from "./relay-take.ts";
import { expireRecords, voidStep } from "./upkeep.ts";

const BLOCK_BYTES = 64 * 1024;
const RUN_BYTES = LIMITS.unitBytes;
const HOP_BYTES = 64;
const ENDS = { from: "n-1" as NodeId, to: "n-2" as NodeId };

interface Open {
  readonly call: DrawCall;
  readonly drawn: Drawn;
}

/** A link whose object's lives and time are the test's. */
class Stage {
  readonly material = randomBytes(BLOCK_BYTES);
  readonly lives: PoolLives;
  readonly clock: Clock;
  life!: Life;
  isLeased = true;
  readonly #config = {
    ...configOf({ do: "set", settings: 0, capacity: 0 }, 1, 1),
    feed: "one-ended" as const,
    health: "accept" as const,
    policy: { ...defaultPolicy, pool: LEVELS },
  };

  constructor(lives: PoolLives, clock: Clock) {
    this.lives = lives;
    this.clock = clock;
  }

  get books() {
    const { ledger } = this.life.pool.books.totals;
    return Object.fromEntries(Object.entries(ledger).filter(([, bits]) => bits !== 0));
  }

  get events(): { act: string; detail: Record<string, unknown> }[] {
    const rows = this.lives.sql<{ events: string }>("SELECT events FROM audit_outbox ORDER BY first_seq");
    return rows.flatMap(({ events }) => JSON.parse(events) as { act: string; detail: Record<string, unknown> }[]);
  }

  async begin(): Promise<void> {
    this.lives.wipe(PAIR);
    await this.restart();
    const block = { id: "block" as BlockId, node: ENDS.from, bytes: this.material.slice() };
    await value(ingestBlock(this.life.pool, { ...block, origin: "pushed", principal: "x" }));
  }

  /** After a crash: nothing but the tables is left. */
  async restart(): Promise<void> {
    this.life?.die();
    const isLeased = () => this.isLeased;
    this.life = await this.lives.start(() => this.#config, undefined, isLeased);
  }

  async draw(): Promise<Open> {
    const call = drawCall(ENDS.from, termsOver(ENDS));
    return { call, drawn: await value(drawHop(this.life.pool, call, async () => false)) };
  }

  take({ call, drawn }: Open): ReturnType<typeof takeHop> {
    return takeHop(this.life.pool, { ...call, node: ENDS.to, draw: drawn.draw });
  }

  async hops(count: number): Promise<void> {
    for (let hops = 0; hops < count; hops++) {
      const open = await this.draw();
      expect(hex(await value(this.take(open)))).toBe(hex(open.drawn.bytes));
    }
  }

  /** Where in the material these bytes are. */
  placeOf(bytes: Uint8Array): number {
    return hex(this.material).indexOf(hex(bytes)) / 2;
  }

  async pass(ms: number): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, ms));
  }
}

const onStage = (name: string, play: (stage: Stage) => Promise<void>): void =>
  test(name, async () => {
    await playAll(name, 1, fc.constant(null), async (_, { lives, clock }) => {
      const stage = new Stage(lives, clock);
      await stage.begin();
      await play(stage);
    });
  });

describe("a run", () => {
  onStage("is one commit, and the hops out of it are none; they are recorded together, soon", async (stage) => {
    const { lives } = stage;
    const before = lives.commits;
    await stage.hops(1);
    expect(lives.commits).toBe(before + 1);
    await stage.hops(20);
    expect(lives.commits).toBe(before + 1);
    // The ledger tells at once, the tables soon.
    expect(stage.books).toMatchObject({ pad: 21 * 256, tag: 21 * 256, reserved: (RUN_BYTES - 21 * HOP_BYTES) * 8 });
    expect(stage.life.pool.store.totals().ledger).toMatchObject({ pad: 0, tag: 0, reserved: RUN_BYTES * 8 });
    await stage.pass(LIMITS.hopRunRecordMs);
    expect(lives.commits).toBe(before + 2);
    expect(stage.life.pool.store.totals()).toEqual(stage.life.pool.books.totals);
    expect(lives.sql("SELECT relays, bits FROM hop_use")).toEqual([{ relays: 21, bits: 21 * HOP_BYTES * 8 }]);
  });

  onStage("goes back when nobody draws from it: the next key begins where it was left", async (stage) => {
    await stage.hops(5);
    await stage.pass(LIMITS.hopRunIdleMs + 2 * LIMITS.hopRunRecordMs);
    const usedBits = 5 * HOP_BYTES * 8;
    expect(stage.books).toEqual({ available: BLOCK_BYTES * 8 - usedBits, pad: usedBits / 2, tag: usedBits / 2 });
    expect(stage.lives.sql("SELECT * FROM key_record")).toEqual([]);
    expect(stage.placeOf((await stage.draw()).drawn.bytes)).toBe(5 * HOP_BYTES);
  });

  onStage("that is used up makes room for the next, and nothing of it stays", async (stage) => {
    await stage.hops(RUN_BYTES / HOP_BYTES);
    const open = await stage.draw();
    expect(stage.placeOf(open.drawn.bytes)).toBe(RUN_BYTES);
    await stage.pass(LIMITS.hopRunRecordMs);
    expect(stage.lives.sql("SELECT count(*) AS n FROM key_record")).toEqual([{ n: 1 }]);
    expect(stage.lives.sql("SELECT id FROM unit WHERE id = 1")).toEqual([]);
    expect(stage.lives.sql("SELECT unit FROM unit_data WHERE unit = 1")).toEqual([]);
    expect(hex(await value(stage.take(open)))).toBe(hex(open.drawn.bytes));
  });

  onStage("waits with what was drawn and not taken until its time is over", async (stage) => {
    const open = await stage.draw();
    await stage.hops(1);
    stage.clock.nowMs = open.call.terms.expiresMs;
    expect(await code(stage.take(open))).toBe("key-not-found");
    await stage.pass(LIMITS.hopRunRecordMs);
    expect(stage.books).toMatchObject({ expired: HOP_BYTES * 8, pad: 256, tag: 256 });
    expect(stage.events.at(-1)).toMatchObject({ act: "relay.expired", detail: { draws: 1 } });
  });
});

describe("after a crash", () => {
  onStage("nothing of a run is used, whatever had become of it", async (stage) => {
    await stage.hops(3);
    const [drawn, recorded] = [await stage.draw(), await stage.draw()];
    await stage.pass(LIMITS.hopRunRecordMs);
    expect(hex(await value(stage.take(recorded)))).toBe(hex(recorded.drawn.bytes)); // and no commit after it
    await stage.restart();
    for (const open of [drawn, recorded]) expect(await code(stage.take(open))).toBe("key-not-found");
    for (let hops = 0; hops < 40; hops++) {
      expect(stage.placeOf((await stage.draw()).drawn.bytes)).toBeGreaterThanOrEqual(RUN_BYTES);
    }
    stage.clock.nowMs += LIMITS.hopRunMs;
    await stage.life.pool.commits.run(() => null);
    await expireRecords(stage.life.pool, Date.now());
    const lostBits = (RUN_BYTES - 3 * HOP_BYTES) * 8;
    expect(stage.books).toMatchObject({ pad: 3 * 256, tag: 3 * 256, expired: lostBits + 40 * HOP_BYTES * 8 });
    expect(stage.events).toContainEqual(
      expect.objectContaining({ act: "relay.expired", detail: { draws: 0, run_bits: lostBits, pool: PAIR } }),
    );
    // The bits that were given away and those that were lost are gone alike.
    expect(stage.lives.sql("SELECT unit FROM unit_data WHERE unit = 1")).toEqual([]);
  });

  onStage("of the storage's commit the run is forgotten, too", async (stage) => {
    const open = await stage.draw();
    stage.lives.fates = ["fails"];
    await expect(stage.life.pool.commits.run(() => null)).rejects.toThrow("the storage takes nothing");
    expect(await code(stage.take(open))).toBe("key-not-found");
    expect(stage.placeOf((await stage.draw()).drawn.bytes)).toBe(RUN_BYTES);
    expect(stage.books).toMatchObject({ reserved: 2 * RUN_BYTES * 8 });
  });
});

describe("while a run is open", () => {
  onStage("an epoch ends: what was taken does not come over, what was drawn does", async (stage) => {
    const [taken, waiting] = [await stage.draw(), await stage.draw()];
    await value(stage.take(taken));
    const { pool } = stage.life;
    for (let more = true; more;) more = (await value(rollStep(pool, 2))).remaining;
    const sealed = pool.units.sealed(1);
    if (sealed === undefined) throw new Error("the unit is gone");
    expect(sealed.epoch).toBe(2);
    const plaintext = pool.vault.open(sealed);
    expect(hex(plaintext.subarray(0, HOP_BYTES))).toBe(hex(new Uint8Array(HOP_BYTES)));
    expect(hex(plaintext.subarray(HOP_BYTES))).toBe(hex(stage.material.subarray(HOP_BYTES, RUN_BYTES)));
    expect(hex(await value(stage.take(waiting)))).toBe(hex(waiting.drawn.bytes));
  });

  onStage("all is voided: nobody takes what was drawn, nor draws from it", async (stage) => {
    const [taken, waiting] = [await stage.draw(), await stage.draw()];
    await value(stage.take(taken));
    const { pool } = stage.life;
    for (let after: number | null = 0; after !== null;) {
      after = (await value(voidStep(pool, { sae: null, after, reason: "test" }))).next;
    }
    expect(await code(stage.take(waiting))).toBe("key-not-found");
    expect(await code(drawHop(pool, drawCall(ENDS.from, termsOver(ENDS)), async () => false))).toBe("link-budget");
    expect(stage.books).toEqual({ pad: 256, tag: 256, voided: (BLOCK_BYTES - HOP_BYTES) * 8 });
    expect(stage.events).toContainEqual(
      expect.objectContaining({
        act: "relay.void",
        detail: { draws: 0, run_bits: (RUN_BYTES - HOP_BYTES) * 8, pool: PAIR },
      }),
    );
  });

  onStage("the lease is lost: nothing is drawn or taken until there is another", async (stage) => {
    const open = await stage.draw();
    stage.isLeased = false;
    for (const asked of [stage.take(open), drawHop(stage.life.pool, open.call, async () => false)]) {
      expect(await code(asked)).toBe("unavailable");
    }
    stage.isLeased = true;
    expect(hex(await value(stage.take(open)))).toBe(hex(open.drawn.bytes));
  });

  test("direct users get what nobody has drawn from it, and relays count it as there", async () => {
    const policy = { pool: { ...LEVELS, low_bytes: 0 }, ...relayPolicy({ authentication_floor_bytes: 0 }) };
    const pool = await makeLink(BLOCK_BYTES, { policy });
    await hopOver(pool, up(pool));
    expect(await linkStateOf(pool)).toMatchObject({ availableBits: (BLOCK_BYTES - HOP_BYTES) * 8 });
    expect(await booksOf(pool)).toMatchObject({ reserved: (RUN_BYTES - HOP_BYTES) * 8 });
    await value(pool.enc({ count: 62, sizeBits: ((BLOCK_BYTES - HOP_BYTES) / 62) * 8 }));
    expect(await booksOf(pool)).toEqual({ pad: 256, tag: 256, pending: (BLOCK_BYTES - HOP_BYTES) * 8 });
  });
});

test("none is set aside where relays may take little", async () => {
  const pool = await makeLink(LEVELS.low_bytes + 3 * RUN_BYTES);
  await hopOver(pool, up(pool));
  expect(await booksOf(pool)).toEqual({ available: (LEVELS.low_bytes + 3 * RUN_BYTES - 64) * 8, pad: 256, tag: 256 });
});
