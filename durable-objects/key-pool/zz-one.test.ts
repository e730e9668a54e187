import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { test, vi } from "vitest";
import { History } from "../../test/support/in-workerd-model-history.ts";
import { PoolLives } from "../../test/support/in-workerd-model-life.ts";
import type { ObjectsEnv } from "../env.ts";
test("one", { timeout: 1000000 }, async () => {
  const objects = env as unknown as ObjectsEnv;
  await runInDurableObject(
    objects.KEY_POOL.getByName("n-1|n-2#0") as never,
    async (_: unknown, state: DurableObjectState) => {
      const clock = { nowMs: 0 };
      const lives = new PoolLives(state);
      vi.spyOn(Date, "now").mockImplementation(() => clock.nowMs);
      const push = (material: number, end: string) => ({ do: "push", id: 1, material, end });
      await History.play(
        {
          bytes: [1, 300, 300, 4, 5, 6, 7, 8, 9],
          first: { do: "set", settings: 1, capacity: 0 },
          steps: [
            { do: "burst", operations: [push(1, "low")], turns: 5, fate: null },
            { do: "burst", operations: [push(2, "high"), { do: "void", sae: null }], turns: 5, fate: null },
            { do: "burst", operations: [push(1, "low")], turns: 5, fate: null },
          ],
        } as never,
        lives,
        clock,
      );
    },
  );
});
