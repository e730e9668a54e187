import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NOW_MS, seen } from "../../test/support/monitor-samples.ts";
import { type ParsedFamily, parseMetrics } from "../../test/support/prometheus.ts";
import type { MonitorAlarm, MonitorView } from "../api/monitor-schemas.ts";
import { viewOf } from "../monitor/view.ts";
import { CATALOGUE, type Family } from "./catalogue.ts";
import { type Format, FORMATS, formatFor, writeMetrics } from "./exposition.ts";
import { samplesOf } from "./samples.ts";
import { TallyBook } from "./tally.ts";

const TABLE = new Map<string, Family>(Object.entries(CATALOGUE));

const alarm = (more: Partial<MonitorAlarm>): MonitorAlarm => ({
  id: "1",
  code: "low",
  severity: "warning",
  of: { kind: "link", id: "ab" },
  subject: "",
  meaning: "",
  detail: "",
  first: "",
  last: "",
  count: 1,
  cleared: null,
  acknowledged: null,
  ...more,
});

/** Every figure is known. */
function fullView(): MonitorView {
  const view = viewOf(seen());
  const rates = { key_rate_bps: 1000.5, use_rate_bps: 2e-7, empty_in_s: 3600, target_bits: 64 };
  return {
    ...view,
    links: view.links.map((link) => ({ ...link, ...rates, qber: 0.0123 })),
    pairs: view.pairs.map((pair) => ({ ...pair, ...rates })),
    nodes: view.nodes.map((node) => ({
      ...node,
      ipsec: { entries: 4, failed: 1, rekeys: 0 },
      relays: { begun: 3, done: 2, failed: 1 },
    })),
    sites: view.sites.map((site) => ({
      ...site,
      agents: [{ agent: "agent-1", state: "active", connected_since: null }],
      streams: 2,
      waiting_bytes: 17,
    })),
    alarms: [
      alarm({ id: "1" }),
      alarm({ id: "2", subject: "other" }),
      alarm({ id: "3", code: "empty", severity: "critical" }),
      alarm({ id: "4", code: "cut", acknowledged: { by: "operator:op", at: "", note: "" } }),
    ],
  };
}

function tallied() {
  const book = new TallyBook();
  for (const seconds of [0.0005, 0.003, 0.003, 7, 100]) book.count("postEncKeys", seconds > 5 ? 503 : 200, seconds);
  book.count("none", 404, 0.001);
  return book.take();
}

const parsed = (format: Format, view = fullView()): ReadonlyMap<string, ParsedFamily> =>
  parseMetrics(writeMetrics(samplesOf(view, NOW_MS, tallied()), format), format);
const valueOf = (families: ReadonlyMap<string, ParsedFamily>, family: string, labels: object): number | undefined =>
  families.get(family)?.samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value;

describe.each<Format>(["prometheus", "openmetrics"])("as %s", (format) => {
  test("every family of the catalogue, each with its type, unit and help, and nothing else", () => {
    const suffix = (type: string): string => (type === "counter" && format === "prometheus" ? "_total" : "");
    const told = [...parsed(format)].map(([name, { type, unit, help }]) => ({ name, type, unit, help }));
    const entries: [string, Family][] = Object.entries(CATALOGUE);
    const listed = entries.map(([name, { type, unit = null, help }]) => {
      return { name: name + suffix(type), type, unit: format === "openmetrics" ? unit : null, help };
    });
    expect(told).toEqual(listed);
  });

  test("samples have the labels that the catalogue tells of", () => {
    for (const [name, { samples }] of parsed(format)) {
      const family: Family | undefined = TABLE.get(name.replace(/_total$/, ""));
      const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)).filter((label) => label !== "le"));
      expect([name, [...labels]]).toEqual([name, family?.labels]);
    }
  });

  test("the figures of the view", () => {
    const families = parsed(format);
    expect(valueOf(families, "qkd_pool_bits", { link: "ab", state: "available" })).toBe(2000);
    expect(valueOf(families, "qkd_link_health", { link: "ab", health: "ok" })).toBe(1);
    expect(valueOf(families, "qkd_link_health", { link: "ab", health: "down" })).toBe(0);
    expect(valueOf(families, "qkd_link_key_rate_bits_per_second", { link: "bc" })).toBe(1000.5);
    expect(valueOf(families, "qkd_link_use_rate_bits_per_second", { link: "bc" })).toBe(2e-7);
    expect(valueOf(families, "qkd_alarms", { code: "low", severity: "warning" })).toBe(2);
    expect(valueOf(families, "qkd_alarms", { code: "empty", severity: "critical" })).toBe(1);
    expect(families.get("qkd_alarms")?.samples).toHaveLength(2);
    expect(valueOf(families, "qkd_monitor_sample_timestamp_seconds", {})).toBe(NOW_MS / 1000);
    const requests = format === "prometheus" ? "qkd_http_requests_total" : "qkd_http_requests";
    expect(valueOf(families, requests, { operation: "postEncKeys", code: "503" })).toBe(2);
    const durations = families.get("qkd_http_request_duration_seconds")?.samples ?? [];
    const bucket = (le: string) =>
      durations.find(({ labels }) => labels["operation"] === "postEncKeys" && labels["le"] === le)?.value;
    expect([bucket("0.001"), bucket("0.005"), bucket("5.0"), bucket("10.0"), bucket("+Inf")]).toEqual([1, 3, 3, 4, 5]);
  });

  test("what is not known has no sample", () => {
    const view = fullView();
    const unknown = view.links.map((link) => ({ ...link, qber: null, conserved: null, ledger_bits: null }));
    const families = parsed(format, { ...view, links: unknown });
    for (const name of ["qkd_link_qber_ratio", "qkd_pool_conserved", "qkd_pool_bits"])
      expect(families.has(name)).toBe(false);
  });

  test("whatever the names hold, it can be read, and they come back as they were", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const told = parsed(format, { ...fullView(), name }).get("qkd_deployment_info")?.samples[0]?.labels["name"];
        expect(told).toBe(name);
      }),
    );
  });
});

test("names and units are as Prometheus wants them", () => {
  const entries: [string, Family][] = Object.entries(CATALOGUE);
  for (const [name, { type, unit, help }] of entries) {
    expect(name).toMatch(/^qkd_[a-z]+(?:_[a-z]+)*$/);
    expect(help).toMatch(/^[A-Z0-9][^\n]*\.$/);
    if (unit !== undefined) expect(name.endsWith(`_${unit}`)).toBe(true);
    // Reserved for samples of these types.
    expect([name, type]).not.toEqual([expect.stringMatching(/_(?:total|created|bucket|count|sum)$/), type]);
  }
});

test.each<[string | null, Format]>([
  [null, "prometheus"],
  ["", "prometheus"],
  ["*/*", "prometheus"],
  ["text/html", "prometheus"],
  ["application/openmetrics-text", "openmetrics"],
  ["Application/OpenMetrics-Text;version=1.0.0", "openmetrics"],
  ["application/openmetrics-text;q=0", "prometheus"],
  ["text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5", "prometheus"],
  // As Prometheus itself asks.
  [
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
    "openmetrics",
  ],
])("who accepts %j gets %s", (accept, format) => {
  expect(formatFor(accept)).toBe(format);
  expect(FORMATS[format]).toContain("charset=utf-8");
});
