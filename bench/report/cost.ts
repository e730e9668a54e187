/** What a million keys cost on Cloudflare: figures and text. Pure. */
import type { CostResult } from "../cost/measure.ts";
import { type Dollars, dollarsOf, type PerMillionKeys, perMillionKeys, PRICES, sumOf } from "../cost/prices.ts";
import { KEY_SIZE_BITS } from "../options.ts";
import { rounded } from "../statistics.ts";
import type { Figures } from "./figures.ts";
import { markdownTable } from "./markdown.ts";

interface Line {
  readonly label: string;
  /** `_n100_c64`. */
  readonly suffix: string;
  /** With the key material that it takes. */
  readonly use: PerMillionKeys;
}

function linesOf({ material, cases }: CostResult): Line[] {
  const taken = perMillionKeys(material);
  return cases.map(({ keysPerRequest, atOnce, usage }) => ({
    label: `${keysPerRequest} a request, ${atOnce === 1 ? "one after the other" : `${atOnce} at once`}`,
    suffix: `_n${keysPerRequest}_c${atOnce}`,
    use: sumOf(perMillionKeys(usage), taken),
  }));
}

export const costFigures = (result: CostResult): Figures =>
  Object.fromEntries(
    linesOf(result).flatMap(({ suffix, use }) => [
      [`rowsWrittenPerMKeys${suffix}`, rounded(use.rowsWritten)],
      [`usdPerMKeys${suffix}`, rounded(dollarsOf(use).total)],
    ]),
  );

const COLUMNS = [
  ["Worker requests", "workerRequests"],
  ["object requests", "objectRequests"],
  ["rows written", "rowsWritten"],
  ["rows read", "rowsRead"],
  ["GB-s", "gbSeconds"],
  ["GB stored", "storedGb"],
] as const satisfies readonly (readonly [string, keyof PerMillionKeys])[];

const count = (value: number): string => rounded(value).toLocaleString("en-GB", { maximumFractionDigits: 3 });
const dollars = (value: number): string => `$${value.toFixed(2)}`;

export function costText(result: CostResult): string {
  const lines = linesOf(result);
  const material = perMillionKeys(result.material);
  const uses: readonly (readonly [string, PerMillionKeys])[] = [
    ...lines.map(({ label, use }) => [label, use] as const),
    ["of it, taking in the material", material],
  ];
  const amounts = uses.map(([label, use]) => [label, ...COLUMNS.map(([, member]) => count(use[member]))]);
  const prices = uses.map(([label, use]) => {
    const cost: Dollars = dollarsOf(use);
    return [label, ...COLUMNS.map(([, member]) => dollars(cost[member])), dollars(cost.total)];
  });
  const headings = COLUMNS.map(([heading]) => heading);
  const p = PRICES;
  return [
    `What a million keys of ${KEY_SIZE_BITS} bits take on Cloudflare, fetched by both ends, key material pushed in blocks of`,
    "64 KiB and audit logs included. Counted in the deployed code by a meter around its objects and their SQL, in the",
    "engine; requests come singly, as there (the batches of KME fronts are the self-hosted edge's). Requests under way at",
    "the same time share commits, and rows with them: a quiet pool is near the first line, a busy one near the second.",
    "",
    markdownTable(["a million keys", ...headings], amounts),
    "",
    `The same at list prices beyond what the Workers Paid plan includes, looked up on ${p.lookedUp}: Worker requests`,
    `$${p.workerRequests} a million, object requests $${p.objectRequests}, rows written $${p.rowsWritten}, rows read $${p.rowsRead}, duration $${p.gbSeconds} a million GB-s (as if`,
    `all objects concerned ran all the time), storage $${p.storedGbMonth} a GB and month (what stays stored, mostly audit logs, for one`,
    "month). Workers' CPU time is not in it: at $0.02 a million ms, a ms a request would add $0.04 to the first line.",
    `(${p.sources.map((source) => `<${source}>`).join(", ")})`,
    "",
    markdownTable(["a million keys", ...headings, "sum"], prices),
  ].join("\n");
}
