/**
 * Reads metrics as strictly as their formats are written: what it takes any scraper takes. Of OpenMetrics 1.0 and of
 * Prometheus' text format 0.0.4 what is used here: gauges, counters and histograms, without timestamps and exemplars.
 */
export interface ParsedFamily {
  readonly type: string;
  readonly unit: string | null;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
type Format = "prometheus" | "openmetrics";

const NAME = "[a-z_][a-z0-9_]*";
const META = new RegExp(`^# (?<what>TYPE|UNIT|HELP) (?<name>${NAME}) (?<text>.*)$`);
const LABEL = `${NAME}="(?:[^"\\\\\\n]|\\\\[\\\\n"])*"`;
const SAMPLE = new RegExp(
  `^(?<name>${NAME})(?:\\{(?<labels>${LABEL}(?:,${LABEL})*)\\})? (?<value>-?[0-9]+(?:\\.[0-9]+)?(?:e[+-]?[0-9]+)?)$`,
);

interface Growing {
  type: string;
  unit: string | null;
  help: string | null;
  samples: ParsedSample[];
}

/** @throws Error with the line that breaks a rule */
export function parseMetrics(text: string, format: Format): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  const lines = text.slice(0, -1).split("\n");
  if (format === "openmetrics" && lines.pop() !== "# EOF") throw new Error("no # EOF at the end");
  const families = new Map<string, Growing>();
  let current: readonly [string, Growing] | null = null;
  for (const line of lines) {
    const meta = META.exec(line)?.groups;
    if (meta !== undefined) {
      const { what = "", name = "", text: said = "" } = meta;
      if (what === "TYPE") {
        if (families.has(name)) throw new Error(`a second time, or not in one piece: ${line}`);
        if (!["gauge", "counter", "histogram"].includes(said)) throw new Error(`no such type: ${line}`);
        current = [name, { type: said, unit: null, help: null, samples: [] }];
        families.set(...current);
        continue;
      }
      const [family, of] = current ?? fail(line);
      if (family !== name || of.samples.length > 0) throw new Error(`not at the head of its family: ${line}`);
      if (what === "UNIT") {
        if (format !== "openmetrics" || of.unit !== null || !name.endsWith(`_${said}`))
          throw new Error(`unit: ${line}`);
        of.unit = said;
      } else {
        if (of.help !== null) throw new Error(`a second help: ${line}`);
        of.help = said;
      }
      continue;
    }
    const sample = SAMPLE.exec(line)?.groups ?? fail(line);
    const [family, of] = current ?? fail(line);
    const { name = "", labels = "", value = "" } = sample;
    if (!namesOf(family, of.type, format).includes(name)) throw new Error(`not of the family ${family}: ${line}`);
    of.samples.push({ name, labels: labelsOf(labels), value: Number(value) });
  }
  return new Map([...families].map(([name, family]) => [name, checked(name, family)]));
}

const fail = (line: string): never => {
  throw new Error(`cannot be read: ${line}`);
};

function namesOf(family: string, type: string, format: Format): readonly string[] {
  if (type === "histogram") return ["_bucket", "_sum", "_count"].map((suffix) => family + suffix);
  // Of a counter the older format names the family as its samples.
  if (type === "counter")
    return format === "openmetrics" ? [`${family}_total`] : family.endsWith("_total") ? [family] : [];
  return [family];
}

const ESCAPES: Readonly<Record<string, string>> = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = "", value = ""] of text.matchAll(new RegExp(`(${NAME})="((?:[^"\\\\]|\\\\.)*)"`, "g"))) {
    if (name in labels) throw new Error(`a label twice: ${text}`);
    labels[name] = value.replaceAll(/\\[\\n"]/g, (escape) => ESCAPES[escape] ?? "");
  }
  return labels;
}

function checked(name: string, { help, samples, ...family }: Growing): ParsedFamily {
  if (help === null || help === "") throw new Error(`no help of ${name}`);
  if (samples.length === 0) throw new Error(`no sample of ${name}`);
  const series = samples.map(({ name: own, labels }) => {
    return JSON.stringify([own, Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
  });
  if (new Set(series).size !== series.length) throw new Error(`a series twice in ${name}`);
  if (family.type !== "gauge" && samples.some(({ value }) => value < 0)) throw new Error(`${name} is negative`);
  if (family.type === "histogram") checkHistogram(name, samples);
  return { ...family, help, samples };
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const ofSeries = Map.groupBy(samples, ({ labels: { le: _le, ...labels } }) => JSON.stringify(labels));
  for (const own of ofSeries.values()) {
    const buckets = own.filter((sample) => sample.name === `${name}_bucket`);
    const bounds = buckets.map(({ labels }) => (labels["le"] === "+Inf" ? Infinity : Number(labels["le"])));
    const counts = buckets.map(({ value }) => value);
    if (bounds.at(-1) !== Infinity || !isRising(bounds, (a, b) => a < b)) throw new Error(`bounds of ${name}`);
    if (!isRising(counts, (a, b) => a <= b)) throw new Error(`buckets of ${name} fall`);
    const rest = own.slice(buckets.length).map((sample) => sample.name);
    if (JSON.stringify(rest) !== JSON.stringify([`${name}_sum`, `${name}_count`]))
      throw new Error(`sum and count of ${name}`);
    if (own.at(-1)?.value !== counts.at(-1)) throw new Error(`count of ${name}`);
  }
}

const isRising = (values: readonly number[], isUp: (a: number, b: number) => boolean): boolean =>
  values.every((value, at) => at === 0 || isUp(values[at - 1] ?? 0, value));
