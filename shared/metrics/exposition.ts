/**
 * Metrics as text, in the two forms that Prometheus reads:
 * https://prometheus.io/docs/instrumenting/exposition_formats/ (version 0.0.4) and
 * https://github.com/prometheus/OpenMetrics/blob/main/specification/OpenMetrics.md (1.0.0).
 */
import { CATALOGUE, type Family, type FamilyName, type HistogramValue, type Sample } from "./catalogue.ts";

export const FORMATS = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const;
export type Format = keyof typeof FORMATS;

/** The form that an `Accept` header would rather have (RFC 9110 12.5.1); Prometheus' own where it does not say. */
export function formatFor(accept: string | null): Format {
  const quality = (type: string): number =>
    Math.max(
      0,
      ...(accept ?? "").split(",").flatMap((range) => {
        const [name, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
        if (name !== type) return [];
        const q = Number(parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? 1);
        return Number.isFinite(q) ? [q] : [];
      }),
    );
  const openmetrics = quality("application/openmetrics-text");
  return openmetrics > 0 && openmetrics >= quality("text/plain") ? "openmetrics" : "prometheus";
}

export function writeMetrics(samples: readonly Sample[], format: Format): string {
  const byFamily = Map.groupBy(samples, ([name]) => name);
  const lines = Object.entries(CATALOGUE).flatMap(([name, family]: [string, Family]) => {
    const own = byFamily.get(name as FamilyName) ?? [];
    return own.length === 0 ? [] : [...headLines(name, family, format), ...own.flatMap((each) => sampleLines(each))];
  });
  if (format === "openmetrics") lines.push("# EOF");
  return lines.map((line) => `${line}\n`).join("");
}

function headLines(family: string, { type, unit, help }: Family, format: Format): string[] {
  // Only OpenMetrics tells a family from its samples.
  const name = format === "prometheus" && type === "counter" ? `${family}_total` : family;
  const units = format === "openmetrics" && unit !== undefined ? [`# UNIT ${name} ${unit}`] : [];
  const escaped = help.replaceAll("\\", String.raw`\\`).replaceAll("\n", String.raw`\n`);
  return [`# TYPE ${name} ${type}`, ...units, `# HELP ${name} ${escaped}`];
}

function sampleLines([name, labels, value]: Sample): string[] {
  if (typeof value !== "number") return histogramLines(name, labels, value);
  const suffix = CATALOGUE[name].type === "counter" ? "_total" : "";
  return [`${name}${suffix}${labelText(labels)} ${value}`];
}

function histogramLines(name: string, labels: Labels, { bounds, buckets, sum }: HistogramValue): string[] {
  let count = 0;
  const lines = buckets.map((own, at) => {
    count += own;
    const bound = bounds[at];
    const le = bound === undefined ? "+Inf" : Number.isInteger(bound) ? `${bound}.0` : String(bound);
    return `${name}_bucket${labelText({ ...labels, le })} ${count}`;
  });
  return [...lines, `${name}_sum${labelText(labels)} ${sum}`, `${name}_count${labelText(labels)} ${count}`];
}

type Labels = Readonly<Record<string, string>>;

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapedLabel(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

const escapedLabel = (value: string): string =>
  value
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`);
