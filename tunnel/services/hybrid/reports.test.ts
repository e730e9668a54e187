import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import * as v from "valibot";
import { LIMITS } from "../../../shared/limits.ts";
import { RETRY } from "../../../shared/retry.ts";
import { type SiteReports, SiteReportsSchema } from "../../../shared/tunnel/reports.ts";
import { answer } from "../../../test/support/fake-edge.ts";
import type { EdgeAnswer, Send } from "../../feeds/edge.ts";
import { EdgeReports, type Seen } from "./reports.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

const NODE = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const seen = (more: Partial<Seen> = {}): Seen => ({
  act: "hybrid.source-dropped",
  ksid: uuid(1),
  node: NODE,
  peer: uuid(2),
  method: "qkdedge-hkdf-v1",
  sources: ["QKD"],
  ...more,
});

const TAKEN = answer(200, { taken: 1 });

function rig() {
  const bodies: SiteReports[] = [];
  const lines: string[] = [];
  const edge = {
    /** Null: it cannot be reached. */
    says: (): EdgeAnswer | null | Promise<EdgeAnswer> => TAKEN,
    bodies,
    lines,
  };
  const send: Send = async ({ method, path, body }, signal) => {
    signal.throwIfAborted();
    expect([method, path]).toEqual(["POST", "/api/v1/sites/site-a/reports"]);
    bodies.push(v.parse(SiteReportsSchema, JSON.parse(new TextDecoder().decode(body?.bytes))));
    const said = await edge.says();
    if (said === null) throw new Error("the tunnel is down");
    return said;
  };
  const reports = new EdgeReports({
    site: "site-a",
    send,
    log: (level, event) => void lines.push(`${level} ${event}`),
    nowMs: () => performance.now(),
  });
  onTestFinished(() => reports.close());
  return { reports, edge };
}

const gathered = async (): Promise<void> => void (await vi.advanceTimersByTimeAsync(LIMITS.siteReportGatherMs));

test("what is seen within a moment goes in one request, each act and pair once, with its number", async () => {
  const { reports, edge } = rig();
  reports.tell(seen());
  reports.tell(seen({ ksid: uuid(7), sources: ["ML-KEM-768"] }));
  reports.tell(seen({ act: "hybrid.seed-fallback", method: "xoring" }));
  reports.tell(seen({ peer: uuid(3) }));
  expect(edge.bodies).toEqual([]);
  await gathered();
  expect(edge.bodies).toMatchObject([
    {
      left_out: 0,
      reports: [
        { act: "hybrid.source-dropped", ksid: uuid(7), count: 2, detail: { sources: ["QKD", "ML-KEM-768"] } },
        { act: "hybrid.seed-fallback", count: 1, detail: { method: "xoring", sources: ["QKD"] } },
        { act: "hybrid.source-dropped", peer: uuid(3), count: 1 },
      ],
    },
  ]);
  expect(edge.lines).toEqual(["warn hybrid.source-dropped", "warn hybrid.seed-fallback", "warn hybrid.source-dropped"]);
});

test("of one act and pair one a minute; others are not kept back", async () => {
  const { reports, edge } = rig();
  reports.tell(seen());
  await gathered();
  for (let n = 0; n < 500; n++) reports.tell(seen());
  await vi.advanceTimersByTimeAsync(LIMITS.siteReportEveryMs - 1);
  expect(edge.bodies).toHaveLength(1);
  reports.tell(seen({ act: "hybrid.not-confirmed" }));
  await vi.advanceTimersByTimeAsync(2 * LIMITS.siteReportGatherMs);
  const counts = edge.bodies.slice(1).flatMap((body) => body.reports.map(({ act, count }) => [act, count]));
  expect(counts).toEqual([
    ["hybrid.source-dropped", 500],
    ["hybrid.not-confirmed", 1],
  ]);
  await vi.advanceTimersByTimeAsync(10 * LIMITS.siteReportEveryMs);
  expect(edge.bodies).toHaveLength(3);
});

test("while the edge is away they wait, and are counted; then they are told once", async () => {
  const { reports, edge } = rig();
  edge.says = () => null;
  reports.tell(seen());
  await vi.advanceTimersByTimeAsync(5 * RETRY.maxDelayMs);
  const tries = edge.bodies.length;
  expect(tries).toBeGreaterThan(3);
  reports.tell(seen());
  edge.says = () => answer(503, { message: "later" });
  await vi.advanceTimersByTimeAsync(2 * RETRY.maxDelayMs);
  expect(edge.bodies.length).toBeGreaterThan(tries);
  edge.says = () => TAKEN;
  await vi.advanceTimersByTimeAsync(10 * RETRY.maxDelayMs);
  expect(edge.bodies.at(-1)).toMatchObject({ reports: [{ count: 2 }] });
  expect(edge.lines).toEqual(["warn hybrid.source-dropped", "warn reports of hybrid keys wait for the edge"]);
  const told = edge.bodies.length;
  await vi.advanceTimersByTimeAsync(10 * RETRY.maxDelayMs);
  expect(edge.bodies).toHaveLength(told);
});

test("what comes while others are on their way is told with the next", async () => {
  const { reports, edge } = rig();
  const answered = Promise.withResolvers<EdgeAnswer>();
  edge.says = () => answered.promise;
  reports.tell(seen());
  await gathered();
  reports.tell(seen({ ksid: uuid(9) }));
  edge.says = () => TAKEN;
  answered.resolve(TAKEN);
  await vi.advanceTimersByTimeAsync(LIMITS.siteReportEveryMs);
  expect(edge.bodies.map((body) => body.reports.map(({ ksid, count }) => [ksid, count]))).toEqual([
    [[uuid(1), 1]],
    [[uuid(9), 1]],
  ]);
});

test("too many pairs: the oldest go, with their number, and a request stays small", async () => {
  const { reports, edge } = rig();
  edge.says = () => null;
  const more = 5;
  for (let n = 0; n < LIMITS.siteReportsHeld + more; n++) {
    reports.tell(seen({ peer: uuid(n) }));
    reports.tell(seen({ peer: uuid(n) }));
  }
  await gathered();
  edge.says = () => TAKEN;
  await vi.advanceTimersByTimeAsync(RETRY.maxDelayMs);
  edge.bodies.length = 1;
  await vi.advanceTimersByTimeAsync(LIMITS.siteReportsHeld * LIMITS.siteReportGatherMs);
  const [first] = edge.bodies;
  expect(first?.left_out).toBe(2 * more);
  for (const body of edge.bodies) expect(body.reports.length).toBeLessThanOrEqual(LIMITS.siteReports);
  expect(first?.reports.map(({ peer }) => peer)).toEqual(
    Array.from({ length: LIMITS.siteReports }, (_, n) => uuid(n + more)),
  );
  expect(edge.bodies.slice(1).every((body) => body.left_out === 0)).toBe(true);
});

test("those that the edge knows of make room for new ones: nothing is left out", async () => {
  const { reports, edge } = rig();
  for (let n = 0; n < LIMITS.siteReportsHeld; n++) reports.tell(seen({ peer: uuid(n) }));
  await vi.advanceTimersByTimeAsync(LIMITS.siteReportsHeld * LIMITS.siteReportGatherMs);
  const told = edge.bodies.flatMap((body) => body.reports).length;
  expect(told).toBe(LIMITS.siteReportsHeld);
  reports.tell(seen({ peer: uuid(99_999) }));
  await gathered();
  expect(edge.bodies.at(-1)).toMatchObject({ left_out: 0, reports: [{ peer: uuid(99_999) }] });
});

test("what the edge refuses is not offered again", async () => {
  const { reports, edge } = rig();
  edge.says = () => answer(404, { message: "no such route" });
  reports.tell(seen());
  await vi.advanceTimersByTimeAsync(10 * LIMITS.siteReportEveryMs);
  expect(edge.bodies).toHaveLength(1);
  expect(edge.lines.at(-1)).toBe("error the edge takes no reports of hybrid keys");
});

test("closed: nothing more is sent", async () => {
  const { reports, edge } = rig();
  edge.says = () => null;
  reports.tell(seen());
  await gathered();
  const tries = edge.bodies.length;
  reports.close();
  await vi.advanceTimersByTimeAsync(10 * RETRY.maxDelayMs);
  expect(edge.bodies).toHaveLength(tries);
});
