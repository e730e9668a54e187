/** The meter around the deployed code, and what a key may cost: a row more a request would show here. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { measureCost } from "./measure.ts";
import { type MeteredEdge, startMeteredEdge } from "./metered-edge.ts";

let edge: MeteredEdge;
beforeAll(async () => {
  edge = await startMeteredEdge();
});
afterAll(async () => {
  await edge.stop();
});

test("rows and requests are counted, and stay within bounds", async () => {
  const cases = [
    { keysPerRequest: 1, atOnce: 1 },
    { keysPerRequest: 100, atOnce: 8 },
  ];
  const roundTrips = 50;
  const { material, cases: measured } = await measureCost(edge, { roundTrips }, cases);
  const [single, bulk] = measured.map(({ usage }) => usage);
  expect(material.rowsWritten).toBeGreaterThan(material.keys / 128);
  for (const usage of [single, bulk]) {
    expect(usage?.workerRequests).toBe(2 * roundTrips);
    expect(usage?.objectRequests).toBeGreaterThanOrEqual(2 * roundTrips);
    // Each commit writes the record, its unit, the totals and an audit row at the least, and the log takes it up.
    expect(usage?.rowsWritten).toBeGreaterThan(2 * roundTrips);
    expect(usage?.rowsRead).toBeGreaterThan(0);
    // Of a request alone in its commit; alarms and leases come on top, by the time they take.
    expect((usage?.rowsWritten ?? Infinity) / roundTrips).toBeLessThan(24);
    expect(usage?.objects).toBeGreaterThanOrEqual(3);
  }
  // Rows are of requests, not of keys.
  expect((bulk?.rowsWritten ?? Infinity) / (bulk?.keys ?? 1)).toBeLessThan(0.5);
});
