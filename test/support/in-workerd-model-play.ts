/** Plays many random histories on the storage of one object, which finds nothing of what another kind has left. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect } from "vitest";
import type { ObjectsEnv } from "../../durable-objects/env.ts";
import { Clock } from "./in-workerd-model-clock.ts";
import { START_MS } from "./in-workerd-model-history.ts";
import { PoolLives } from "./in-workerd-model-life.ts";

const objects = env as unknown as ObjectsEnv;
export const TIMEOUT_MS = 600_000;
/** The same histories for every change; QKD_TEST_SEED=N plays others, which is worth a night. */
export const SEED = Number((env as { QKD_TEST_SEED?: string }).QKD_TEST_SEED ?? 20_261_121);
/** The runtime's own work gets a turn after so many histories. */
const PAUSE_EVERY = 20;

export interface Stage {
  readonly lives: PoolLives;
  readonly clock: Clock;
}

/** Plays `histories` plots on the storage of one object, emptied before each. */
export async function playAll<Plot>(
  name: string,
  histories: number,
  plots: fc.Arbitrary<Plot>,
  play: (each: Plot, stage: Stage) => Promise<void>,
): Promise<void> {
  // oxlint-disable-next-line no-console -- what a failure needs to be seen again
  console.log(`${name}: ${histories} histories, seed ${SEED}`);
  let played = 0;
  const pool = objects.KEY_POOL.getByName("n-1|n-2#0") as never;
  await runInDurableObject(pool, async (_: unknown, { storage }: DurableObjectState) => await storage.deleteAll());
  await evictDurableObject(pool);
  await runInDurableObject(pool, async (_: unknown, state: DurableObjectState) => {
    const stage = { clock: new Clock(), lives: new PoolLives(state) };
    const property = fc.asyncProperty(plots, async (each) => {
      await stage.clock.play(START_MS, async () => await play(each, stage));
      played += 1;
      if (played % PAUSE_EVERY === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    });
    await fc.assert(property, { numRuns: histories, seed: SEED });
  });
  expect(played).toBeGreaterThanOrEqual(histories);
}
