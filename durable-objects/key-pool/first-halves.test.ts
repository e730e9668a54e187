/** First halves of small relayed blocks, which wait in memory for the other end's: what that costs, and what a crash does. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { NodeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { blockOfRelay } from "../../shared/relay/block.ts";
import type { RelayedBy } from "../../shared/relay/types.ts";
import { configOf, PAIR } from "../../test/support/in-workerd-model-history.ts";
import type { Life, PoolLives } from "../../test/support/in-workerd-model-life.ts";
import { playAll } from "../../test/support/in-workerd-model-play.ts";
import { randomBytes, value } from "../../test/support/in-workerd-pool.ts";
import { newRelay } from "../../test/support/in-workerd-relayed.ts";
import { ingestBlock } from "./ingest.ts";
import { takeBack } from "./taken-back.ts";
import { voidStep } from "./upkeep.ts";

const [LOW, HIGH] = ["n-1" as NodeId, "n-2" as NodeId];
const KEY_BITS = 256;

/** A pool of relayed key between two nodes, and one key on its way into it. */
class Stage {
  readonly lives: PoolLives;
  life!: Life;
  readonly key = randomBytes(KEY_BITS / 8);
  readonly relayed: RelayedBy = newRelay([LOW, "m-1" as NodeId, HIGH]);
  isLeased = true;
  readonly #config = {
    ...configOf({ do: "set", settings: 0, capacity: 0 }, 1, 1),
    source: "relay" as const,
    feed: "two-ended" as const,
    health: "accept" as const,
    link: null,
  };

  constructor(lives: PoolLives) {
    this.lives = lives;
  }

  async start(): Promise<void> {
    this.life?.die();
    const isLeased = () => this.isLeased;
    this.life = await this.lives.start(() => this.#config, undefined, isLeased);
  }

  async push(node: NodeId, bytes = this.key): Promise<string> {
    const { relayed } = this;
    const block = { id: blockOfRelay(relayed.relay), node, bytes, principal: `node:${node}`, relayed };
    return (await value(ingestBlock(this.life.pool, { ...block, origin: "relayed" }))).outcome;
  }

  get books(): object {
    const { books, store } = this.life.pool;
    expect(store.totals()).toEqual(books.totals);
    return Object.fromEntries(Object.entries(books.totals.ledger).filter(([, bits]) => bits !== 0));
  }
}

const onStage = (name: string, play: (stage: Stage) => Promise<void>): void =>
  test(name, async () => {
    await playAll(name, 1, fc.constant(null), async (_, { lives }) => {
      lives.wipe(PAIR);
      const stage = new Stage(lives);
      await stage.start();
      await play(stage);
    });
  });

onStage("a relayed key is one commit, whichever end comes first", async (stage) => {
  const before = stage.lives.commits;
  expect(await stage.push(HIGH)).toBe("unmatched");
  expect(stage.lives.commits).toBe(before);
  expect(await stage.push(LOW)).toBe("ingested");
  expect(stage.lives.commits).toBe(before + 1);
  expect(stage.books).toEqual({ available: KEY_BITS });
  for (const node of [LOW, HIGH]) expect(await stage.push(node)).toBe("already-ingested");
});

onStage("ends that differ are found out, and the same end's key is no twin of itself", async (stage) => {
  await stage.push(HIGH);
  expect(await stage.push(HIGH)).toBe("unmatched");
  expect(stage.books).toEqual({ unmatched: KEY_BITS });
  expect(await stage.push(LOW, randomBytes(KEY_BITS / 8))).toBe("quarantined");
  expect(stage.books).toEqual({ quarantined: KEY_BITS });
});

onStage("ends that differ at once are found out", async (stage) => {
  await stage.push(HIGH);
  expect(await stage.push(LOW, randomBytes(KEY_BITS / 8))).toBe("quarantined");
  expect(stage.books).toEqual({ quarantined: KEY_BITS });
});

onStage("one that waits for longer is recorded, and waits on", async (stage) => {
  await stage.push(HIGH);
  await new Promise<void>((resolve) => setTimeout(resolve, LIMITS.heldHalfMs));
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  expect(stage.books).toEqual({ unmatched: KEY_BITS });
  await stage.start();
  expect(await stage.push(LOW)).toBe("ingested");
});

onStage("a crash in between costs the key, and gives nobody a half", async (stage) => {
  await stage.push(HIGH);
  await stage.start();
  expect(await stage.push(LOW)).toBe("unmatched");
  await stage.life.pool.commits.run(() => null);
  expect(stage.books).toEqual({ unmatched: KEY_BITS });
});

onStage("the storage's refusal loses it, too; both ends' again are one key", async (stage) => {
  await stage.push(HIGH);
  stage.lives.fates = ["fails"];
  await expect(stage.life.pool.commits.run(() => null)).rejects.toThrow("the storage takes nothing");
  expect(stage.books).toEqual({});
  for (const node of [HIGH, LOW]) await stage.push(node);
  expect(stage.books).toEqual({ available: KEY_BITS });
});

onStage("it is taken back, and voided with everything else, as if it were in the table", async (stage) => {
  await stage.push(HIGH);
  await value(takeBack(stage.life.pool, { node: HIGH, relay: stage.relayed.relay }));
  expect(stage.books).toEqual({ voided: KEY_BITS });
  expect(await stage.push(LOW)).toBe("already-ingested");
  expect(stage.books).toEqual({ voided: KEY_BITS });
});

onStage("a void of everything finds it, and without a lease it does not come in", async (stage) => {
  await stage.push(HIGH);
  for (let after: number | null = 0; after !== null;) {
    after = (await value(voidStep(stage.life.pool, { sae: null, after, reason: "test" }))).next;
  }
  expect(stage.books).toEqual({ voided: KEY_BITS });
  const other = new Stage(stage.lives);
  await other.start();
  await other.push(HIGH);
  other.isLeased = false;
  await other.life.pool.commits.run(() => null);
  expect(other.books).toEqual({ voided: KEY_BITS });
});
