import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { RINGS } from "../../shared/monitor/rings.ts";
import { viewOf } from "../../shared/monitor/view.ts";
import { ledger, NOW_MS, pool, seen } from "../../test/support/monitor-samples.ts";
import { Database } from "../storage/database.ts";
import { History } from "./history.ts";

const { MONITOR } = env as unknown as { MONITOR: DurableObjectNamespace };
const STEP_MS = 10_000;

const viewWith = (bits: number, nowMs: number) =>
  viewOf(seen({ pools: { "b|c#0": pool({ ledgerBits: ledger({ available: bits }) }) } }, { nowMs }));

async function withHistory(work: (history: History, db: Database) => void): Promise<void> {
  await runInDurableObject(MONITOR.getByName(`history-${crypto.randomUUID()}`), (_, { storage }) => {
    const db = new Database(storage);
    work(new History(db), db);
  });
}

it("keeps the first sample of each step, an hour of the short and a day of the long", async () => {
  await withHistory((history, db) => {
    const of = { of: "link:bc", figure: "available_bits" };
    const steps = (25 * 3_600_000) / STEP_MS;
    const view = viewWith(0, 0);
    for (let step = 0; step < steps; step++) {
      const link = view.links[1];
      if (link === undefined) throw new Error("no link");
      const links = [{ ...link, available_bits: step }];
      const atMs = NOW_MS + step * STEP_MS;
      history.keep({ ...view, links }, () => ({}), atMs);
      // No longer the first.
      history.keep({ ...view, links: [{ ...link, available_bits: -1 }] }, () => ({}), atMs + STEP_MS / 2);
    }
    const endMs = NOW_MS + steps * STEP_MS;
    const hour = history.read({ ...of, sinceMs: null }, endMs);
    expect(hour.step_s).toBe(10);
    expect(hour.points).toHaveLength(360);
    expect(hour.points.at(-1)).toEqual([endMs / 1000 - 10, steps - 1]);
    const day = history.read({ ...of, sinceMs: 0 }, endMs);
    expect(day.step_s).toBe(60);
    expect(day.points).toHaveLength(1440);
    expect(day.points[0]).toEqual([endMs / 1000 - 24 * 3600, 3600 / 10]);
    expect(day.points.every(([, value], at) => value === 360 + 6 * at)).toBe(true);
    const rows = db.one<{ n: number; parts: number }>("SELECT count(*) AS n, count(DISTINCT part) AS parts FROM step");
    const bound = RINGS.reduce((sum, ring) => sum + ring.steps, 0) * (rows?.parts ?? 0);
    expect(rows?.n).toBe(bound);
  });
});

it("leaves out steps that nobody has seen, and begins where it is asked to", async () => {
  await withHistory((history) => {
    for (const step of [0, 3, 4]) history.keep(viewWith(step, 0), () => ({}), NOW_MS + step * STEP_MS);
    const read = (sinceMs: number | null) =>
      history.read({ of: "link:bc", figure: "available_bits", sinceMs }, NOW_MS + 60_000).points;
    const at = (step: number) => [(NOW_MS + step * STEP_MS) / 1000, step];
    expect(read(null)).toEqual([at(0), at(3), at(4)]);
    expect(read(NOW_MS + 3 * STEP_MS + 1)).toEqual([at(3), at(4)]);
    expect(history.read({ of: "link:bc", figure: "qber", sinceMs: null }, NOW_MS + 60_000).points[0]).toEqual([
      NOW_MS / 1000,
      null,
    ]);
  });
});

it("keeps the stocks of the last step", async () => {
  await withHistory((history) => {
    const stock = { atMs: 5, available: 1, spent: 2 };
    history.keep(viewWith(0, 0), () => ({ "link:bc": stock, "link:ab": stock }), NOW_MS);
    history.keep(viewWith(0, 0), () => ({ "link:bc": { ...stock, spent: 3 } }), NOW_MS + STEP_MS);
    expect(history.stocks()).toEqual({ "link:bc": { ...stock, spent: 3 } });
  });
});
