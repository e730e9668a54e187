import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { test } from "vitest";
import { Clock } from "../../test/support/in-workerd-model-clock.ts";
import { START_MS } from "../../test/support/in-workerd-model-history.ts";
import { HalvesHistory, halvesPlot } from "../../test/support/in-workerd-model-halves.ts";
import { PoolLives } from "../../test/support/in-workerd-model-life.ts";
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
        fc.asyncProperty(halvesPlot, async (each) => {
          await clock.play(START_MS, async () => await new HalvesHistory(each, lives, clock).play());
          if (++n % 20 === 0) await new Promise((r) => setTimeout(r, 0));
        }),
        { numRuns: 1000 },
      );
      console.log(n, "in", performance.now() - t0);
    },
  );
});
