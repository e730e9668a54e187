import fc from "fast-check";
import { expect, test } from "vitest";
import type { MonitorLink, MonitorNode, MonitorPair, MonitorSite } from "../api/monitor-schemas.ts";
import { LIMITS } from "../limits.ts";
import { ALARM_CODES, meaningOf, SEEN_ALARMS, severityOf } from "./alarm-codes.ts";
import type { CertificateFact, Facts, Told } from "./alarm-facts.ts";
import { type Alarm, type AlarmChange, alarmKey, judgeAlarms, type Lasting } from "./alarm-judge.ts";
import { RULES } from "./alarm-rules.ts";

const S = 1000;
const DAY_MS = 24 * 3600 * S;

const node = (id: string, more: Partial<MonitorNode> = {}): MonitorNode => ({
  id,
  health: "ok",
  reasons: [],
  alarms: 0,
  hosted: true,
  url: null,
  site: id,
  saes: 0,
  relay_enabled: true,
  neighbours: [],
  ipsec: null,
  relays: null,
  ...more,
});
const link = (more: Partial<MonitorLink> = {}): MonitorLink => ({
  id: "l",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["a", "b"],
  source: "push",
  simulated: false,
  level: "normal",
  available_bits: 5000,
  low_bits: 1000,
  high_bits: 9000,
  capacity_bits: 10_000,
  key_rate_bps: 0,
  use_rate_bps: 0,
  empty_in_s: null,
  qber: null,
  module_state: null,
  relays_may_use: true,
  ledger_bits: null,
  conserved: true,
  ...more,
});
const pair = (more: Partial<MonitorPair> = {}): MonitorPair => ({
  id: "a|c#60",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["a", "c"],
  disjoint_paths: 1,
  level: "normal",
  available_bits: 4096,
  target_bits: 4096,
  key_rate_bps: 0,
  use_rate_bps: 0,
  empty_in_s: null,
  ...more,
});
const SITE: MonitorSite = {
  id: "s",
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: ["a"],
  agents: [],
  services: [],
  streams: 0,
  waiting_bytes: 0,
};

type Given = Partial<Omit<Facts, "view">> & { readonly view?: Partial<Facts["view"]> };

/** A deployment that is judged again and again. */
class World {
  readonly standing = new Map<string, Alarm>();
  readonly #lasting: Lasting = { causes: new Map(), gone: new Map() };
  nowMs = Date.parse("2026-01-01T00:00:00Z");

  judge({ view, ...facts }: Given, afterMs = 0): AlarmChange[] {
    this.nowMs += afterMs;
    const changes = judgeAlarms(
      this.standing,
      {
        view: { nodes: [node("a"), node("b")], links: [link()], pairs: [], sites: [SITE], ...view },
        arePairsKnown: true,
        told: [],
        hubs: [],
        faults: [],
        unheardLogs: [],
        leftOut: 0,
        certificates: [],
        failingWebhooks: [],
        hasIdentity: true,
        ...facts,
        nowMs: this.nowMs,
      },
      this.#lasting,
    );
    for (const { what, alarm } of changes) {
      if (what === "cleared") this.standing.delete(alarmKey(alarm));
      else this.standing.set(alarmKey(alarm), alarm);
    }
    return changes;
  }

  /** `raised pool-low link l`, and so on. */
  words(given: Given, afterMs = 0): string[] {
    return this.judge(given, afterMs).map(
      ({ what, alarm: { code, of, subject } }) =>
        `${what} ${code} ${of.kind} ${of.id}${subject === of.id ? "" : ` ${subject}`}`,
    );
  }
}

const certificate = (days: number, lifeDays: number, nowMs: number): CertificateFact => ({
  of: { kind: "site", id: "s" },
  subject: "agent-s, certificate",
  notBeforeMs: nowMs + (days - lifeDays) * DAY_MS,
  notAfterMs: nowMs + days * DAY_MS,
});
const START = new World().nowMs;
const amiss = (log: string, act = "audit.gap", agoMs = 0) => ({ log, act, index: 7, atMs: START - agoMs });
const objectAlarm = (code: string): Told["alarms"][number] => ({
  code,
  subject: code,
  firstMs: START,
  lastMs: START,
  count: 1,
  detail: "",
});
type Agent = Facts["hubs"][number]["agents"][number];
const agent = (more: Partial<Agent>): Agent => ({
  agent: "agent-s",
  instance: "i",
  enrolledMs: 0,
  state: "active",
  connectedMs: 0,
  ...more,
});
const hub = (...agents: Partial<Agent>[]): Facts["hubs"] => [{ site: "s", servedMs: 0, agents: agents.map(agent) }];

/** Of each code: what raises it, and what does not any more. */
const CASES: Readonly<Record<keyof typeof SEEN_ALARMS, readonly [alarm: string, there: Given, gone: Given]>> = {
  "pool-empty": ["link l", { view: { links: [link({ level: "empty", available_bits: 0 })] } }, {}],
  "pool-low": [
    "link l",
    { view: { links: [link({ level: "low", available_bits: 999 })] } },
    { view: { links: [link({ available_bits: 1250 })] } },
  ],
  "link-down": ["link l", { view: { links: [link({ health: "down", reasons: ["cut"] })] } }, {}],
  "qber-high": ["link l", { view: { links: [link({ qber: 0.0801 })] } }, { view: { links: [link({ qber: 0.064 })] } }],
  "not-conserved": ["link l", { view: { links: [link({ conserved: false })] } }, {}],
  "tunnel-down": [
    "site s",
    { hubs: hub({ state: "standby" }, { state: "absent", connectedMs: null }) },
    { hubs: hub({ state: "absent" }, {}) },
  ],
  "no-answer": ["node a", { view: { nodes: [node("a", { health: "unknown" }), node("b")] } }, {}],
  "certificate-expiring": [
    "site s agent-s, certificate",
    { certificates: [certificate(13, 90, START)] },
    { certificates: [certificate(89, 90, START)] },
  ],
  "certificate-expired": ["site s agent-s, certificate", { certificates: [certificate(-1, 90, START)] }, {}],
  "clock-skew": ["site s agent-s", { hubs: hub({ clockAheadMs: -61 * S }) }, { hubs: hub({ clockAheadMs: -59 * S }) }],
  "audit-fault": ["deployment deployment a", { faults: [amiss("a")] }, { faults: [amiss("a", "audit.gap", DAY_MS)] }],
  "alarms-dropped": ["deployment deployment", { leftOut: 1 }, {}],
  "no-identity": ["deployment deployment", { hasIdentity: false }, {}],
  "webhook-failing": ["deployment deployment w", { failingWebhooks: [{ webhook: "w", detail: "it answers 500" }] }, {}],
};

test.each(Object.entries(CASES))(
  "%s: once its cause has lasted, until it has been gone",
  (code, [alarm, there, gone]) => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the names of the table above
    const { raiseMs, clearMs } = RULES[code as keyof typeof CASES];
    const world = new World();
    expect(world.words(gone)).toEqual([]);
    const raised = [`raised ${code} ${alarm}`];
    if (raiseMs > 0) {
      expect(world.words(there)).toEqual([]);
      expect(world.words(there, raiseMs - 1)).toEqual([]);
      // Gone in between: it begins anew.
      expect(world.words(gone)).toEqual([]);
      expect(world.words(there, 1)).toEqual([]);
      expect(world.words(there, raiseMs)).toEqual(raised);
    } else expect(world.words(there)).toEqual(raised);
    expect(world.words(there, 1)).toEqual([]);
    expect(world.words(there, LIMITS.alarmRefreshMs)).toEqual([`set ${code} ${alarm}`]);
    const cleared = [`cleared ${code} ${alarm}`];
    if (clearMs > 0) {
      expect(world.words(gone)).toEqual([]);
      expect(world.words(gone, clearMs - 1)).toEqual([]);
      expect(world.words(there, 1)).toEqual(LIMITS.alarmRefreshMs <= clearMs ? [`set ${code} ${alarm}`] : []);
      expect(world.words(gone, 1)).toEqual([]);
      expect(world.words(gone, clearMs)).toEqual(cleared);
    } else expect(world.words(gone)).toEqual(cleared);
    expect([...world.standing]).toEqual([]);
  },
);

test("a figure about its bound raises once and does not clear", () => {
  const world = new World();
  const low = { view: { links: [link({ level: "low", available_bits: 990 })] } };
  const justAbove = { view: { links: [link({ available_bits: 1010 })] } };
  world.judge(low);
  expect(world.words(low, 30 * S)).toEqual(["raised pool-low link l"]);
  for (let n = 0; n < 50; n++) expect(world.words(n % 2 === 0 ? justAbove : low, S)).toEqual([]);
});

test("whatever a cause does, an alarm is raised and cleared no more often than its times allow", () => {
  const { raiseMs, clearMs } = RULES["link-down"];
  const steps = fc.array(fc.record({ isThere: fc.boolean(), afterMs: fc.integer({ min: 1, max: 12_000 }) }), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const world = new World();
      const startMs = world.nowMs;
      let raised = 0;
      let thereMs = -Infinity;
      for (const { isThere, afterMs } of all) {
        const links = [link(isThere ? { health: "down", reasons: ["cut"] } : {})];
        raised += world.words({ view: { links } }, afterMs).filter((word) => word.startsWith("raised")).length;
        if (isThere) thereMs = world.nowMs;
        // Never stands long after its cause, at any look.
        if (!isThere && world.standing.size > 0) expect(world.nowMs - thereMs).toBeLessThan(clearMs + 2 * 12_000);
      }
      expect(raised).toBeLessThanOrEqual(1 + (world.nowMs - startMs) / (raiseMs + clearMs));
    }),
  );
});

test("an agent that connects anew does not end its alarms: who has acknowledged them has done so", () => {
  const world = new World();
  const there = { hubs: hub({ clockAheadMs: 90 * S }), certificates: [certificate(13, 90, START)] };
  expect(world.words(there)).toHaveLength(2);
  for (let n = 0; n < 20; n++) {
    expect(world.words({ hubs: hub({ state: "absent" }) }, S)).toEqual([]);
    expect(world.words(there, S)).toEqual([]);
  }
});

test("relayed key: none where none is used is no alarm", () => {
  const empty = { level: "empty", available_bits: 0 } as const;
  const world = new World();
  world.judge({ view: { pairs: [pair({ ...empty, target_bits: 0 })] } });
  expect(world.words({ view: { pairs: [pair({ ...empty, target_bits: 0 })] } }, 60 * S)).toEqual([]);
  world.judge({ view: { pairs: [pair(empty)] } });
  expect(world.words({ view: { pairs: [pair(empty)] } }, 10 * S)).toEqual(["raised pool-empty pair a|c#60"]);
});

test("what does not answer keeps its alarms, what has left the network has none", () => {
  const world = new World();
  const down = link({ health: "down", reasons: ["cut"] });
  world.judge({ view: { links: [down] } });
  expect(world.words({ view: { links: [down] } }, 10 * S)).toEqual(["raised link-down link l"]);
  const unknown = { view: { links: [link({ health: "unknown", level: null, available_bits: null })] } };
  expect(world.words(unknown, 29 * S)).toEqual([]);
  expect(world.words(unknown, 30 * S)).toEqual(["raised no-answer link l"]);
  expect(world.words({ view: { links: [] } })).toEqual(["cleared link-down link l", "cleared no-answer link l"]);
});

test("relayed pairs that nobody has told of keep their alarms", () => {
  const world = new World();
  const draining = pair({ level: "empty", available_bits: 0 });
  const there = {
    view: { pairs: [draining] },
    told: [{ of: { kind: "pair" as const, id: "a|c#60" }, alarms: [objectAlarm("stuck")], isWhole: true }],
  };
  world.judge(there);
  world.judge(there, 10 * S);
  expect([...world.standing.values()].map(({ code }) => code)).toEqual(["stuck", "pool-empty"]);
  expect(world.words({ arePairsKnown: false }, S)).toEqual([]);
  expect(world.words({ arePairsKnown: false }, 60 * S)).toEqual([]);
  expect(world.words({}, S)).toEqual(["cleared pool-empty pair a|c#60", "cleared stuck pair a|c#60 stuck"]);
});

test("what is amiss with logs: an alarm a log, for a day, which tells the latest of each kind", () => {
  const world = new World();
  const faults = [amiss("a", "audit.gap", DAY_MS - 60 * S), amiss("a", "audit.unreadable"), amiss("b")];
  const details = () => [...world.standing.values()].map(({ subject, detail }) => [subject, detail]);
  expect(world.words({ faults })).toHaveLength(2);
  expect(details()).toEqual([
    ["a", "audit.gap, record 7; audit.unreadable, record 7"],
    ["b", "audit.gap, record 7"],
  ]);
  // A log that does not answer at once, after the Monitor has slept, is no reason to clear it.
  expect(world.words({ faults: [] }, S)).toEqual([]);
  expect(world.words({ faults }, 60 * S)).toEqual([
    "set audit-fault deployment deployment a",
    "set audit-fault deployment deployment b",
  ]);
  expect(details()[0]).toEqual(["a", "audit.unreadable, record 7"]);
  expect(world.words({ faults }, DAY_MS)).toEqual([]);
  expect(world.words({ faults }, 60 * S)).toHaveLength(2);
  expect(world.standing.size).toBe(0);
});

test("a log that has not answered keeps its alarm, however long that takes; one that is no more has none", () => {
  const world = new World();
  world.judge({ faults: [amiss("a"), amiss("b")] });
  const unheard = { unheardLogs: ["a"] };
  expect(world.words(unheard, S)).toEqual([]);
  expect(world.words(unheard, 3600 * S)).toEqual(["cleared audit-fault deployment deployment b"]);
  expect(world.words({ faults: [amiss("a")] }, S)).toEqual(["set audit-fault deployment deployment a"]);
  world.judge({}, S);
  expect(world.words({}, 60 * S)).toEqual(["cleared audit-fault deployment deployment a"]);
});

test("of another deployment's nodes, and links between such, nothing is asked", () => {
  const world = new World();
  const view = {
    nodes: [node("a", { hosted: false, health: "unknown" }), node("b", { hosted: false, health: "unknown" })],
    links: [link({ health: "unknown" })],
  };
  world.judge({ view });
  expect(world.words({ view }, 60 * S)).toEqual([]);
});

test("an agent that is connected and does not ping is as one that is away; a site without agents has none to lose", () => {
  const world = new World();
  const silent = { hubs: hub({ heardMs: START - LIMITS.alarmSilentAgentMs }) };
  expect(world.words(silent)).toEqual([]);
  expect(world.words({ hubs: hub({ heardMs: START }) }, 15 * S)).toEqual([]);
  world.judge(silent);
  expect(world.words(silent, 15 * S)).toEqual(["raised tunnel-down site s"]);
  const others = new World();
  for (const hubs of [hub(), hub({ state: "absent" }).map((each) => ({ ...each, servedMs: null }))]) {
    others.judge({ hubs });
    expect(others.words({ hubs }, 60 * S)).toEqual([]);
  }
  expect(LIMITS.alarmSilentAgentMs).toBeGreaterThan(2 * LIMITS.agentPingMs);
});

test("short-lived certificates: an alarm in the last third of their lives only", () => {
  expect(new World().words({ certificates: [certificate(2, 6, START)] })).toEqual([]);
  expect(new World().words({ certificates: [certificate(1.9, 6, START)] })).toHaveLength(1);
});

test("objects' alarms: taken over as they are told, put together, and gone once all their objects say so", () => {
  const of = { kind: "link", id: "l" } as const;
  const told = (isWhole: boolean, ...counts: number[]): Told[] => [
    {
      of,
      isWhole,
      alarms: counts.map((count, n) => ({
        code: "twin-missing",
        subject: "b",
        firstMs: 100 - n,
        lastMs: START + 1000 * count,
        count,
        detail: `of shard ${n}`,
      })),
    },
  ];
  const world = new World();
  expect(world.words({ told: told(true, 2, 3) })).toEqual(["raised twin-missing link l b"]);
  const [alarm] = world.standing.values();
  expect(alarm).toMatchObject({ by: "told", firstMs: 99, count: 5, detail: "of shard 1", lastMs: START + 3000 });
  expect(world.words({ told: told(true, 2, 3) })).toEqual([]);
  expect(world.words({ told: told(true, 9, 3) })).toEqual(["set twin-missing link l b"]);
  // One of its shards is silent.
  expect(world.words({ told: told(false) })).toEqual([]);
  expect(world.words({ told: [] })).toEqual([]);
  expect(world.words({ told: told(true) })).toEqual(["cleared twin-missing link l b"]);
});

test("every code has a severity and a meaning; one of a later release is worth a look", () => {
  for (const code of ALARM_CODES) {
    expect(["critical", "warning", "info"]).toContain(severityOf(code));
    expect(meaningOf(code, { kind: "link" })).not.toBe(code);
  }
  expect(Object.keys(SEEN_ALARMS).sort()).toEqual(Object.keys(RULES).sort());
  expect(meaningOf("stuck", { kind: "site" })).not.toBe(meaningOf("stuck", { kind: "link" }));
  expect([severityOf("of-the-future"), severityOf("constructor")]).toEqual(["warning", "warning"]);
  expect(meaningOf("of-the-future", { kind: "link" })).toBe("of-the-future");
});
