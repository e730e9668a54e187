/** Requests, added up in a real object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { requestsOf, type Tally, TallyBook } from "../../shared/metrics/tally.ts";
import type { ObjectsEnv } from "../env.ts";
import { Database } from "../storage/database.ts";
import { Tallies } from "./tallies.ts";

const NOW_MS = 1_000_000;

function tallyOf(operation: string, statuses: readonly number[], seconds = 0.02): Tally {
  const book = new TallyBook();
  for (const status of statuses) book.count(operation, status, seconds);
  return book.take();
}

let count = 0;
async function within(run: (tallies: Tallies, anew: () => Tallies) => void): Promise<void> {
  const object = (env as unknown as ObjectsEnv).MONITOR.getByName(`tallies-${(count += 1)}`);
  await runInDurableObject(object as never, (_: unknown, ctx: DurableObjectState) => {
    const anew = () => new Tallies(new Database(ctx.storage));
    run(anew(), anew);
  });
}

test("totals outlive the object, rates tell of late only", async () => {
  await within((tallies, anew) => {
    tallies.add(tallyOf("getStatus", [200, 200, 401]), NOW_MS);
    tallies.add(tallyOf("getStatus", [500]), NOW_MS + 1000);
    tallies.add(tallyOf("postEncKeys", [200]), NOW_MS + 1000);
    const perSecond = 1000 / LIMITS.monitorRateMs;
    expect(tallies.operations(NOW_MS + 2000)).toEqual([
      {
        id: "getStatus",
        requests_per_s: 4 * perSecond,
        errors_per_s: perSecond,
        p50_ms: expect.closeTo(17.5),
        p99_ms: expect.closeTo(24.85),
      },
      expect.objectContaining({ id: "postEncKeys", requests_per_s: perSecond, errors_per_s: 0 }),
    ]);
    // Of the first report nothing is of late any more.
    const later = tallies.operations(NOW_MS + LIMITS.monitorRateMs);
    expect(later.map(({ id, requests_per_s }) => [id, requests_per_s])).toEqual([
      ["getStatus", perSecond],
      ["postEncKeys", perSecond],
    ]);
    expect(tallies.operations(NOW_MS + 2 * LIMITS.monitorRateMs)).toEqual([]);
    for (const each of [tallies, anew()]) {
      expect(each.totals["getStatus"]?.codes).toEqual({ 200: 2, 401: 1, 500: 1 });
      expect(each.totals["postEncKeys"]?.codes).toEqual({ 200: 1 });
    }
  });
});

test("what is kept of reports is bounded, and so are operations", async () => {
  await within((tallies, anew) => {
    for (let n = 0; n < LIMITS.tallyReports + 10; n++) tallies.add(tallyOf("getStatus", [200]), NOW_MS);
    const [status] = tallies.operations(NOW_MS);
    expect(status?.requests_per_s).toBeCloseTo((1000 * LIMITS.tallyReports) / LIMITS.monitorRateMs);
    const [own] = Object.values(tallies.totals);
    expect(own && requestsOf(own)).toBe(LIMITS.tallyReports + 10);
    for (let n = 0; n < LIMITS.tallyOperations + 10; n++) tallies.add(tallyOf(`made-up-${n}`, [200]), NOW_MS);
    expect(Object.keys(anew().totals)).toHaveLength(LIMITS.tallyOperations);
  });
});
