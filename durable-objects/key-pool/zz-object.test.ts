import fc from "fast-check";
import { test } from "vitest";
import { ObjectHistory, objectPlot } from "../../test/support/in-workerd-model-object.ts";
test("objects", { timeout: 1000000 }, async () => {
  const t0 = performance.now();
  await fc.assert(fc.asyncProperty(objectPlot, ObjectHistory.play), { numRuns: 100 });
  console.log(performance.now() - t0);
});
