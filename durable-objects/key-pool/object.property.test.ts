/**
 * The same random histories as in key-pool.property.test.ts, fewer and shorter, against whole objects: over RPC, with
 * their leases and alarms and the runtime's own evictions.
 */
import fc from "fast-check";
import { test } from "vitest";
import { ObjectHistory, objectPlot } from "../../test/support/in-workerd-model-object.ts";
import { SEED, TIMEOUT_MS } from "../../test/support/in-workerd-model-play.ts";

const HISTORIES = 60;

test("a pool behind its object", { timeout: TIMEOUT_MS }, async () => {
  // oxlint-disable-next-line no-console -- what a failure needs to be seen again
  console.log(`behind the object: ${HISTORIES} histories, seed ${SEED}`);
  const property = fc.asyncProperty(objectPlot, async (each) => await ObjectHistory.play(each));
  await fc.assert(property, { numRuns: HISTORIES, seed: SEED });
});
