import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { LIMITS } from "../../shared/limits.ts";
import type { SiteReport } from "../../shared/tunnel/reports.ts";
import { call, errorOf, token } from "../../test/support/in-workerd-network.ts";
import { freshSites, hubStub, TestAgent, useSites } from "../../test/support/in-workerd-tunnel.ts";
import { AuditOutbox } from "../storage/outbox.ts";
import { Database } from "../storage/database.ts";
import { alarmsOf, type HubParts } from "./parts.ts";
import { Reports } from "./reports.ts";
import { HubStore } from "./store.ts";

useSites();

const [NODE, PEER, KSID] = ["a", "b", "c"].map((letter) =>
  [8, 4, 4, 4, 12].map((digits) => letter.repeat(digits)).join("-"),
) as [string, string, string];

const report = (more: Partial<SiteReport> = {}): SiteReport => ({
  act: "hybrid.not-confirmed",
  ksid: KSID,
  node: NODE,
  peer: PEER,
  count: 1,
  detail: { method: "qkdedge-hkdf-v1", sources: ["ML-KEM-768", "QKD"] },
  ...more,
});

const path = (site: string): string => `/api/v1/sites/${site}/reports`;
const post = async (site: string, bearer: string, body: unknown): Promise<Response> =>
  await call(path(site), {
    method: "POST",
    headers: { Authorization: `Bearer ${bearer}` },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

interface Alarm {
  readonly code: string;
  readonly subject: string;
  readonly count: number;
  readonly detail: string;
}
const alarmsAt = async (site: string): Promise<readonly Alarm[]> =>
  (await (await call(`/api/v1/sites/${site}`, { as: "op" })).json<{ alarms: Alarm[] }>()).alarms;

/** What the hub's alarm has brought into the audit log so far. */
async function auditOf(site: string): Promise<readonly AuditEvent[]> {
  await runDurableObjectAlarm(hubStub(site));
  const log = await call("/api/v1/audit?limit=1000", { as: "op" });
  return (await log.json<{ records: AuditEvent[] }>()).records.filter(({ detail }) => detail["hub"] === site);
}

describe("what a site's agent reports", () => {
  it("is in the audit log in its name, and an alarm of the site, until an operator clears it", async () => {
    const { a } = freshSites();
    const { accessToken } = await (await TestAgent.enrolled(a)).connect();
    const dropped = report({ act: "hybrid.source-dropped", detail: { method: "cat-kdf", sources: ["QKD"] } });
    const seeded = report({ act: "hybrid.seed-fallback", count: 3, detail: { method: "xoring", sources: ["QKD"] } });
    const answer = await post(a, accessToken, { reports: [dropped, report(), seeded], left_out: 2 });
    expect([answer.status, await answer.json()]).toEqual([200, { taken: 3 }]);

    const common = { hub: a, node: NODE, peer: PEER, ksid: KSID };
    const told = async () => (await auditOf(a)).filter(({ act }) => act.startsWith("hybrid."));
    await expect.poll(told, { timeout: 10_000 }).toMatchObject([
      { act: "hybrid.source-dropped", detail: { ...common, method: "cat-kdf", sources: "QKD", count: 1 } },
      { act: "hybrid.not-confirmed", detail: { ...common, sources: "ML-KEM-768,QKD", count: 1 } },
      { act: "hybrid.seed-fallback", detail: { ...common, method: "xoring", sources: "QKD", count: 3 } },
      { act: "hybrid.reports-left-out", detail: { hub: a, count: 2 } },
    ]);
    expect(new Set((await told()).map(({ who }) => who))).toEqual(new Set([`agent:agent-${a}`]));

    const standing = await alarmsAt(a);
    expect(standing.map(({ code, subject, count }) => [code, subject, count])).toEqual([
      ["not-confirmed", `agent-${a}`, 1],
      ["seed-fallback", `agent-${a}`, 3],
    ]);
    expect(standing[0]?.detail).toBe(`${NODE} with ${PEER}, stream ${KSID}: qkdedge-hkdf-v1 of ML-KEM-768,QKD`);
    const cleared = await call(`/api/v1/sites/${a}/alarms/not-confirmed`, { as: "op", method: "DELETE" });
    expect(await cleared.json()).toEqual({ cleared: 1 });
    expect((await alarmsAt(a)).map(({ code }) => code)).toEqual(["seed-fallback"]);
    const acts = async () => (await auditOf(a)).map(({ act }) => act);
    await expect.poll(acts, { timeout: 10_000 }).toContain("alarm.cleared");
  });

  it("is taken of the site's own agents only", async () => {
    const { a, b } = freshSites();
    const body = { reports: [report()] };
    const others = [`agent-${b}`, "op", `agent-${a}-narrow`, `agent-${a}-first`];
    const statuses = others.map(async (who) => (await post(a, token(who), body)).status);
    expect(await Promise.all(statuses)).toEqual(others.map(() => 403));
    expect((await call(path(a), { method: "POST", body: JSON.stringify(body) })).status).toBe(401);
    expect((await post("nowhere", token(`agent-${a}`), body)).status).toBe(404);
    expect(await alarmsAt(a)).toEqual([]);
    expect((await post(a, token(`agent-${a}`), body)).status).toBe(200);
  });

  it.each<[string, unknown, string]>([
    ["no JSON", "{", "JSON"],
    ["none", { reports: [] }, "shall have an entry"],
    ["too many", { reports: Array.from({ length: LIMITS.siteReports + 1 }, () => report()) }, "at most"],
    ["another act", { reports: [report({ act: "keys.enc" as never })] }, "act: shall be one of hybrid.source-dropped"],
    ["a stream that is none", { reports: [report({ ksid: "x" })] }, "ksid: shall be a UUID"],
    ["none at all of them", { reports: [report({ count: 0 })] }, "count: shall be at least 1"],
    ["another member", { reports: [{ ...report(), key: "00" }] }, "key"],
    ["another member of detail", { reports: [report({ detail: { ...report().detail, hub: "x" } as never })] }, "hub"],
    [
      "sources that are no names",
      { reports: [report({ detail: { method: "xor", sources: ["AA=="] } })] },
      "sources.0: shall be a name",
    ],
  ])("that is %s is refused, and nothing of it told", async (_, body, words) => {
    const { a } = freshSites();
    const answer = await post(a, token(`agent-${a}`), body);
    expect([answer.status, (await errorOf(answer)).message]).toEqual([400, expect.stringContaining(words)]);
    expect(await alarmsAt(a)).toEqual([]);
  });
});

/** A hub's reports by a clock of the test's own, on a real object's storage. */
async function atHub(
  work: (hub: {
    readonly take: (...reports: SiteReport[]) => ReturnType<Reports["take"]>;
    readonly told: () => readonly (readonly [string, unknown])[];
    readonly alarms: HubParts["alarms"];
    readonly at: (nowMs: number) => void;
  }) => void,
): Promise<void> {
  const { a: site } = freshSites();
  await runInDurableObject(hubStub(site), (_, { storage }) => {
    const db = new Database(storage);
    const outbox = new AuditOutbox(db, `tunnel-hub:${site}`, LIMITS);
    let nowMs = 0;
    const alarms = alarmsOf(db, outbox, site);
    const reports = new Reports({ site, store: new HubStore(db), outbox, alarms, nowMs: () => nowMs });
    const events = (): readonly AuditEvent[] =>
      db
        .all<{ events: string }>("SELECT events FROM audit_outbox ORDER BY first_seq")
        .flatMap(({ events: text }) => JSON.parse(text) as AuditEvent[]);
    work({
      take: (...some) =>
        reports.take({ site, agent: "one", principal: "agent:one", reports: { reports: some, left_out: 0 } }),
      told: () => events().map(({ act, detail }) => [act, detail["count"]]),
      alarms,
      at: (ms) => void (nowMs = ms),
    });
  });
}

/** As many pairs as one request may tell of, others for each number. */
const peers = (of: number) =>
  Array.from({ length: LIMITS.siteReports }, (_, n) =>
    report({ peer: `${String(of * LIMITS.siteReports + n).padStart(8, "0")}${PEER.slice(8)}` }),
  );

describe("an agent that reports without end", () => {
  it("has acts of one pair told once in a while, with their number; the alarm counts all", async () => {
    await atHub(({ take, told, alarms, at }) => {
      const dropped = report({ act: "hybrid.source-dropped" });
      take(dropped, report({ peer: NODE, act: "hybrid.source-dropped" }));
      expect(told()).toHaveLength(2);
      for (const nowMs of [1000, 2000, LIMITS.siteReportAuditMs - 1]) {
        at(nowMs);
        expect(take({ ...dropped, count: 5 }).ok).toBe(true);
      }
      expect(told()).toHaveLength(2);
      at(LIMITS.siteReportAuditMs);
      take({ ...dropped, count: 2 });
      expect(told().at(-1)).toEqual(["hybrid.source-dropped", 17]);
      take(report({ count: 7 }));
      take(report({ count: 8 }));
      expect(alarms.list()).toMatchObject([{ code: "not-confirmed", subject: "one", count: 15 }]);
    });
  });

  it("of pairs without end writes few events, and counts the others", async () => {
    await atHub(({ take, told, at }) => {
      const { burst, ratePerS } = LIMITS.siteReportEvents;
      const seconds = 100;
      for (let n = 0; n <= seconds; n++) {
        at(n * 1000);
        expect(take(...peers(n)).ok).toBe(true);
      }
      const events = () => told().filter(([act]) => act.startsWith("hybrid."));
      expect(events().length).toBeLessThanOrEqual(burst + seconds * (ratePerS + 1000 / LIMITS.siteReportAuditMs) + 1);
      at(seconds * 1000 + LIMITS.siteReportAuditMs);
      take(...peers(seconds + 1));
      const sum = events().reduce((counted, [, count]) => counted + Number(count), 0);
      expect(sum).toBe((seconds + 2) * LIMITS.siteReports);
      expect(events().at(-1)?.[0]).toBe("hybrid.reports-left-out");
    });
  });

  it("is told to wait, and pushes no other alarm out", async () => {
    await atHub(({ take, told, alarms, at }) => {
      const { burst, ratePerS } = LIMITS.siteReportRequests;
      for (let n = 0; n < burst; n++) expect(take(...peers(n)).ok).toBe(true);
      const before = told().length;
      expect(take(...peers(burst))).toMatchObject({ ok: false, error: { code: "rate-limited", retryAfterSeconds: 1 } });
      expect(told()).toHaveLength(before);
      expect(alarms.list()).toMatchObject([{ count: burst * LIMITS.siteReports }]);
      at(1000 / ratePerS);
      expect(take(report()).ok).toBe(true);
    });
  });
});
