/** What others are given to read the metrics with is held to the catalogue: docs, rules, dashboard. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { CATALOGUE, type Family } from "./catalogue.ts";

const read = (file: string): string => readFileSync(join(import.meta.dirname, "..", "..", file), "utf8");
const FAMILIES: readonly [string, Family][] = Object.entries(CATALOGUE);

/** Name of a series -> its labels. */
const SERIES = new Map<string, readonly string[]>(
  FAMILIES.flatMap(([name, { type, labels }]): [string, readonly string[]][] => {
    if (type === "counter") return [[`${name}_total`, labels]];
    if (type === "gauge") return [[name, labels]];
    return [
      [`${name}_bucket`, [...labels, "le"]],
      [`${name}_sum`, labels],
      [`${name}_count`, labels],
    ];
  }),
);

/** Series, matched and grouped by labels that they have. Of PromQL as much as the files use. */
function check(expr: string): void {
  const known = new Set<string>();
  for (const [, name = "", matchers = ""] of expr.matchAll(/\b(qkd_[a-z_]+)(?:\{([^}]*)\})?/g)) {
    const labels = SERIES.get(name);
    expect(labels, `${name} in ${expr}`).toBeDefined();
    for (const label of labels ?? []) known.add(label);
    const matched = [...matchers.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"/g)].map(([, label = ""]) => label);
    for (const label of matched) expect(labels, `${name}{${label}} in ${expr}`).toContain(label);
  }
  expect(known.size + Number(expr.includes("timestamp_seconds")), expr).toBeGreaterThan(0);
  for (const [, list = ""] of expr.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g))
    for (const label of list.split(",")) expect([...known], `by ${label} in ${expr}`).toContain(label.trim());
  expect(expr.split("(").length, expr).toBe(expr.split(")").length);
}

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description?: string };
}
const RULES = (parse(read("deploy/prometheus/alerts.yaml")) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);

describe("deploy/prometheus/alerts.yaml", () => {
  test.each(RULES.map((rule) => [rule.alert, rule] as const))(
    "%s",
    (_, { alert, expr, labels, annotations, ...rule }) => {
      check(expr);
      expect(alert).toMatch(/^Qkd[A-Za-z]+$/);
      expect(["warning", "critical"]).toContain(labels.severity);
      if (rule.for !== undefined) expect(rule.for).toMatch(/^\d+m$/);
      expect(annotations.summary).not.toBe("");
      const named = [...annotations.summary.matchAll(/\$labels\.([a-z_]+)/g)].map(([, label = ""]) => label);
      for (const label of named) expect(expr).toMatch(new RegExp(`by \\([^)]*\\b${label}\\b|^[^(]*qkd_`));
    },
  );

  test("each has a name of its own", () => {
    expect(new Set(RULES.map(({ alert }) => alert)).size).toBe(RULES.length);
  });
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const { panels } = JSON.parse(read("deploy/grafana/qkd-edge.json")) as { panels: readonly Panel[] };

describe("deploy/grafana/qkd-edge.json", () => {
  test.each(panels.map((panel) => [panel.title, panel] as const))("%s", (_, { targets }) => {
    for (const { expr, legendFormat } of targets) {
      check(expr);
      const grouped = /\bby \(([^)]*)\)/
        .exec(expr)?.[1]
        ?.split(",")
        .map((label) => label.trim());
      const [series = ""] = /qkd_[a-z_]+/.exec(expr) ?? [];
      const told = [...legendFormat.matchAll(/\{\{([a-z_]+)\}\}/g)].map(([, label = ""]) => label);
      for (const label of told) expect(grouped ?? SERIES.get(series)).toContain(label);
    }
  });

  test("panels have ids of their own, and none lies on another", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

describe("docs/metrics.md", () => {
  test("has a row for each family, and for nothing else", () => {
    const rows = FAMILIES.map(([name, { type, labels, help }]) => {
      const series = type === "counter" ? `${name}_total` : name;
      const told = labels.map((label) => `\`${label}\``).join(", ");
      return `| \`${series}\` | ${type} | ${told} | ${help.replaceAll("|", String.raw`\|`)} |`;
    });
    const listed = read("docs/metrics.md")
      .split("\n")
      .filter((line) => line.startsWith("| `qkd_"));
    expect(listed).toEqual(rows);
  });
});
