/**
 * Random histories of a pool against a plain model of what it should do: blocks of both ends, mismatches and repeats,
 * keys and multicasts, fetches, voids, expiry, epochs, evictions, crashes in the middle of commits, and two halves in
 * two deployments that yield units to each other. After every step the ledger adds up, no bits are given twice, nobody
 * gets a key twice or one that is not theirs, no answer is partial, and what was acknowledged is there.
 *
 * The pool is the real one over an object's real storage; only its clock and what it runs in are driven from here.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Clock } from "../../test/support/in-workerd-model-clock.ts";
import { HalvesHistory, halvesPlot } from "../../test/support/in-workerd-model-halves.ts";
import { History, START_MS } from "../../test/support/in-workerd-model-history.ts";
import { PoolLives } from "../../test/support/in-workerd-model-life.ts";
import { plot } from "../../test/support/in-workerd-model-steps.ts";
import type { ObjectsEnv } from "../env.ts";

const objects = env as unknown as ObjectsEnv;
const TIMEOUT_MS = 600_000;
/** The same histories for every change; other seeds are worth a night. */
const SEED = 20_261_121;
/** The runtime's own work gets a turn after so many histories. */
const PAUSE_EVERY = 20;

interface Stage {
  readonly lives: PoolLives;
  readonly clock: Clock;
}

/** Plays `histories` plots on the storage of one object, emptied before each. */
async function playAll<Plot>(
  name: string,
  histories: number,
  plots: fc.Arbitrary<Plot>,
  play: (each: Plot, stage: Stage) => Promise<void>,
): Promise<void> {
  // oxlint-disable-next-line no-console -- what a failure needs to be seen again
  console.log(`${name}: ${histories} histories, seed ${SEED}`);
  let played = 0;
  const pool = objects.KEY_POOL.getByName("n-1|n-2#0");
  await runInDurableObject(pool as never, async (_: unknown, state: DurableObjectState) => {
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

test("a pool whose nodes are both here", { timeout: TIMEOUT_MS }, async () => {
  await playAll("one pool", 9000, plot, async (each, { lives, clock }) => await History.play(each, lives, clock));
});

test("two halves of a pool", { timeout: TIMEOUT_MS }, async () => {
  await playAll("two halves", 1000, halvesPlot, async (each, { lives, clock }) => {
    await new HalvesHistory(each, lives, clock).play();
  });
});
