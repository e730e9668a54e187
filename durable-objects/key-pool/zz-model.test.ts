import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { test } from "vitest";
import { Clock } from "../../test/support/in-workerd-model-clock.ts";
import { History, START_MS } from "../../test/support/in-workerd-model-history.ts";
import { PoolLives } from "../../test/support/in-workerd-model-life.ts";
import { plot } from "../../test/support/in-workerd-model-steps.ts";
import type { ObjectsEnv } from "../env.ts";
test("model", { timeout: 1000000 }, async () => {
  const objects = env as unknown as ObjectsEnv;
  await runInDurableObject(
    objects.KEY_POOL.getByName("n-1|n-2#0") as never,
    async (_: unknown, state: DurableObjectState) => {
      const clock = new Clock();
      const lives = new PoolLives(state);
      let n = 0;
      const t0 = performance.now();
      await fc.assert(
        fc.asyncProperty(plot, async (each) => {
          await clock.play(START_MS, async () => await History.play(each, lives, clock));
          if (++n % 20 === 0) await new Promise((r) => setTimeout(r, 0));
        }),
        { numRuns: 1500, endOnFailure: false },
      );
      console.log(n, "in", performance.now() - t0);
    },
  );
});
