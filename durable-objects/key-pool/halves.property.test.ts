/** Random histories of two halves of a pool, in two deployments: see key-pool.property.test.ts. */
import { test } from "vitest";
import { HalvesHistory } from "../../test/support/in-workerd-model-halves.ts";
import { halvesPlot } from "../../test/support/in-workerd-model-halves-plot.ts";
import { playAll, TIMEOUT_MS } from "../../test/support/in-workerd-model-play.ts";

test("two halves of a pool", { timeout: TIMEOUT_MS }, async () => {
  await playAll("two halves", 800, halvesPlot, async (each, { lives, clock }) => {
    await new HalvesHistory(each, lives, clock).play();
  });
});
