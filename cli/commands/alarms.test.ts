/** `qkd alarms` against a stand-in for the edge. */
import { beforeEach, describe, expect, test } from "vitest";
import type { MonitorAlarm } from "../../shared/api/monitor-schemas.ts";
import { useCliEdge } from "../../test/support/cli-edge.ts";
import { ipsecPathOf } from "../../test/support/cli-ipsec.ts";

const { seen, replies, qkd, sent } = useCliEdge();

const INSTANT = "2026-01-01T00:00:00.000Z";
let nextId = 1;
const alarm = (code: string, of: MonitorAlarm["of"], more: Partial<MonitorAlarm> = {}): MonitorAlarm => ({
  id: String(nextId++),
  code,
  severity: "warning",
  of,
  subject: "subject",
  meaning: "m",
  detail: "why",
  first: INSTANT,
  last: INSTANT,
  count: 2,
  cleared: null,
  acknowledged: null,
  ...more,
});
const VIEW = {
  at: INSTANT,
  sequence: 1,
  document_version: 1,
  name: "test",
  period_ms: 1000,
  nodes: [],
  links: [],
  pairs: [],
  sites: [],
  relays: [],
  streams: [],
  alarms: [],
  operations: [],
  audit: [],
};
const site = (id: string) => ({
  id,
  health: "ok",
  reasons: [],
  alarms: 0,
  nodes: [],
  agents: [],
  services: [],
  streams: 0,
  waiting_bytes: 0,
});

const relayed = (pair: string, ...alarms: object[]) => ({
  pair,
  shard: 60,
  disjoint_paths: 1,
  state: "active",
  level: "low",
  available_bits: 8,
  target_bytes: 512,
  stored_hops: { min: 2, max: 3 },
  alarms,
});

beforeEach(() => {
  nextId = 1;
  replies["GET /api/v1/monitor"] = [{ status: 200, json: { ...VIEW, sites: [site("site-a"), site("site-b")] } }];
  const alarms = [
    alarm("twin-missing", { kind: "link", id: "tn-1-tn-2" }),
    alarm("relay-short", { kind: "pair", id: "tn-1|tn-4#60" }),
    alarm("relay-forged", { kind: "node", id: "tn-2" }),
    alarm("rekey-failed", { kind: "ipsec", id: "tn-2" }),
    alarm("not-confirmed", { kind: "site", id: "site-b" }, { severity: "critical" }),
    alarm("no-identity", { kind: "deployment", id: "deployment" }, { severity: "info" }),
  ];
  replies["GET /api/v1/alarms"] = [{ status: 200, json: { alarms } }];
});

describe("alarms", () => {
  const lines = {
    link: /^ *1 +warning +tn-1-tn-2 +twin-missing +subject +2 /m,
    pair: /^ *2 +warning +pair tn-1\|tn-4 +relay-short /m,
    node: /^ *3 +warning +node tn-2 +relay-forged /m,
    ipsec: /^ *4 +warning +ipsec tn-2 +rekey-failed /m,
    site: /^ *5 +critical +site site-b +not-confirmed /m,
    deployment: /^ *6 +info +deployment +no-identity /m,
  };
  const shown = (out: string): string[] =>
    Object.entries(lines)
      .filter(([, line]) => line.test(out))
      .map(([name]) => name);

  test("of all, and of one link, pair, node with its IPsec host, or site", async () => {
    expect(shown((await qkd("alarms")).out)).toEqual(Object.keys(lines));
    expect(seen.map(({ url }) => url)).toEqual(["/api/v1/alarms?state=standing"]);
    expect(shown((await qkd("alarms", "list")).out)).toEqual(Object.keys(lines));
    expect(shown((await qkd("alarms", "--link", "tn-1-tn-2")).out)).toEqual(["link"]);
    expect(shown((await qkd("alarms", "--pair", "tn-4|tn-1")).out)).toEqual(["pair"]);
    expect(shown((await qkd("alarms", "--node", "tn-2")).out)).toEqual(["node", "ipsec"]);
    const json = JSON.parse((await qkd("alarms", "--site", "site-b", "--json")).out) as { alarms: unknown[] };
    expect(json.alarms).toMatchObject([{ code: "not-confirmed", of: { kind: "site", id: "site-b" } }]);
  });

  test("say when none stands, and that there is no such place", async () => {
    expect(await qkd("alarms", "--site", "site-a")).toEqual({ code: 0, out: "no alarm stands", err: "" });
    expect((await qkd("alarms", "--site", "site-c")).err).toContain('no site "site-c". Did you mean "site-a"');
    expect((await qkd("alarms", "--site", "b", "--link", "l")).err).toContain("not both");
    expect((await qkd("alarms", "lst")).err).toContain('no command "alarms lst". Did you mean "list"');
  });

  test("of the last day, with who has seen them", async () => {
    const acknowledged = { by: "operator:op", at: INSTANT, note: "on my way" };
    const cleared = alarm("pool-empty", { kind: "link", id: "l" }, { acknowledged, cleared: INSTANT });
    replies["GET /api/v1/alarms"] = [{ status: 200, json: { alarms: [cleared] } }];
    expect((await qkd("alarms", "--cleared")).out).toMatch(/cleared 2026-01-01\S+ +operator:op on my way +why/);
    expect(seen.at(-1)?.url).toBe("/api/v1/alarms?state=cleared");
    await qkd("alarms", "--all");
    expect(seen.at(-1)?.url).toBe("/api/v1/alarms?state=all");
  });
});

describe("alarms ack", () => {
  test("sends the note, or takes it back", async () => {
    const path = "/api/v1/alarms/3/acknowledge";
    const of = { kind: "node", id: "tn-2" } as const;
    const acknowledged = { by: "operator:op", at: INSTANT, note: "mine" };
    replies[`POST ${path}`] = [{ status: 200, json: alarm("relay-forged", of, { acknowledged }) }];
    replies[`DELETE ${path}`] = [{ status: 200, json: alarm("relay-forged", of) }];
    expect((await qkd("alarms", "ack", "3", "--note", "mine")).out).toBe("acknowledged: relay-forged of node tn-2");
    expect(sent()).toEqual({ note: "mine" });
    const back = await qkd("alarms", "ack", "3", "--withdraw");
    expect(back.out).toBe("no longer acknowledged: relay-forged of node tn-2");
    expect((await qkd("alarms", "ack", "9")).err).toContain("not found");
    expect((await qkd("alarms", "ack")).code).not.toBe(0);
  });
});

describe("alarms clear", () => {
  test.each([
    ["twin-missing", ["--link", "tn-1-tn-2"], "/api/v1/links/tn-1-tn-2/alarms/twin-missing", "tn-1-tn-2"],
    ["relay-short", ["--pair", "tn-4|tn-1"], "/api/v1/pairs/tn-1%7Ctn-4/alarms/relay-short", "pair tn-1|tn-4"],
    ["relay-forged", ["--node", "tn-2"], "/api/v1/nodes/tn-2/alarms/relay-forged", "node tn-2"],
    ["rekey-failed", ["--node", "tn-2"], ipsecPathOf("tn-2", "alarms/rekey-failed"), "node tn-2"],
    ["not-confirmed", ["--site", "site-b"], "/api/v1/sites/site-b/alarms/not-confirmed", "site site-b"],
  ])("%s %j", async (code, whose, path, of) => {
    replies[`DELETE ${path}`] = [{ status: 200, json: { cleared: 2 } }];
    expect(await qkd("alarms", "clear", code, ...whose)).toEqual({
      code: 0,
      out: `cleared 2 alarms of ${of}`,
      err: "",
    });
    expect((await qkd("alarms", "clear", code, ...whose, "--json")).out).toBe('{"cleared":2}');
  });

  test("says what is missing, and which places and codes there are not", async () => {
    expect((await qkd("alarms", "clear", "not-confirmed")).err).toContain("--link is required");
    expect((await qkd("alarms", "clear", "not-confirmed", "--site", "site-c")).err).toContain('no site "site-c"');
    expect((await qkd("alarms", "clear", "confirmed", "--site", "site-b")).err).toContain(
      "no alarm of a site that can be cleared has the code confirmed",
    );
  });
});

describe("alarms webhooks", () => {
  test("shows how each fares, and its key", async () => {
    const webhooks = [
      {
        id: "pager",
        url: "https://pager.example",
        public_key: "whpk_AAAA",
        waiting: 0,
        delivered: 7,
        given_up: 0,
        failing: null,
      },
      {
        id: "chat",
        url: "https://chat.example",
        public_key: null,
        waiting: 3,
        delivered: 0,
        given_up: 1,
        failing: { attempts: 4, reason: "it answers 500", next: INSTANT },
      },
    ];
    replies["GET /api/v1/webhooks"] = [
      { status: 200, json: { webhooks } },
      { status: 200, json: { webhooks: [] } },
    ];
    const { out } = await qkd("alarms", "webhooks");
    expect(out).toMatch(/^pager +https:\/\/pager.example +ok +0 +7 +0 +whpk_AAAA/m);
    expect(out).toMatch(
      /^chat +https:\/\/chat.example +down +3 +0 +1 +none: QKD_IDENTITY_SEED is not set, and nothing is sent +it answers 500; again 2026/m,
    );
    expect((await qkd("alarms", "webhooks")).out).toMatch(/^no webhook \(.*within seconds/);
  });
});

test("relayed pairs stand by number in the line that status has for each", async () => {
  replies["GET /api/v1/links"] = [{ status: 200, json: { links: [] } }];
  const short = {
    code: "relay-short",
    subject: "tn-1|tn-4",
    first: INSTANT,
    last: INSTANT,
    count: 2,
    detail: "why",
    meaning: "m",
    shard: 60,
  };
  replies["GET /api/v1/pairs"] = [
    { status: 200, json: { pairs: [relayed("tn-1|tn-3")], next: "tn-1|tn-3#60" } },
    { status: 200, json: { pairs: [relayed("tn-1|tn-4", short)], next: null } },
  ];
  const { out } = await qkd("status");
  expect(out).toMatch(/tn-1\|tn-3 +1 +active +low +8 +512 +0$/m);
  expect(out).toMatch(/tn-1\|tn-4 +1 +active +low +8 +512 +1$/m);
});
