/** What keys cost: material pushed in, then round trips of one and of many keys, each counted. */
import { randomBytes } from "node:crypto";
import { BULK_KEYS, type CostPlan, KEY_SIZE_BITS } from "../options.ts";
import { keyIdsOf, sameKeys } from "../load/containers.ts";
import { metered } from "./meter.ts";
import type { MeteredEdge } from "./metered-edge.ts";
import type { Usage } from "./prices.ts";

const BLOCK_BYTES = 64 * 1024;
const BLOCK_KEYS = (BLOCK_BYTES * 8) / KEY_SIZE_BITS;

export interface CostCase {
  readonly keysPerRequest: number;
  /** Requests under way at the same time: those share commits. */
  readonly atOnce: number;
}
const COST_CASES: readonly CostCase[] = [1, BULK_KEYS].flatMap((keysPerRequest) =>
  [1, 64].map((atOnce) => ({ keysPerRequest, atOnce })),
);

export interface CostResult {
  /** Of key taken in, in blocks of 64 KiB. */
  readonly material: Usage;
  readonly cases: readonly (CostCase & { readonly usage: Usage })[];
}

export async function measureCost(
  edge: MeteredEdge,
  plan: CostPlan,
  cases: readonly CostCase[] = COST_CASES,
): Promise<CostResult> {
  const keysOf = ({ keysPerRequest }: CostCase): number => plan.roundTrips * keysPerRequest;
  const blocks = Math.ceil(cases.reduce((sum, each) => sum + keysOf(each), 0) / BLOCK_KEYS);
  // What happens but once (tables, the first lease) is not what a key costs.
  await push(edge, 0);
  await roundTrips(edge, { keysPerRequest: 1, atOnce: 1 }, 1);
  let before = await edge.read();
  const count = async (keys: number, work: () => Promise<void>): Promise<Usage> => {
    const startMs = performance.now();
    await work();
    const seconds = (performance.now() - startMs) / 1000;
    const after = await edge.read();
    const usage = { ...metered(before, after), keys, seconds };
    before = after;
    return usage;
  };
  const material = await count(blocks * BLOCK_KEYS, async () => {
    for (let block = 1; block <= blocks; block++) await push(edge, block);
  });
  const measured: CostResult["cases"][number][] = [];
  for (const each of cases) {
    const usage = await count(keysOf(each), async () => await roundTrips(edge, each, plan.roundTrips));
    measured.push({ ...each, usage });
  }
  return { material, cases: measured };
}

async function push(edge: MeteredEdge, block: number): Promise<void> {
  const path = `/api/v1/links/tn-1-tn-2/blocks/${encodeURIComponent(`cost:${block * BLOCK_BYTES}`)}?node=tn-1`;
  const answer = await edge.call("operator", path, { method: "PUT", body: randomBytes(BLOCK_BYTES) });
  const text = await answer.text();
  if (answer.status !== 201) throw new Error(`the metered edge refuses a block: ${answer.status} ${text}`);
}

async function roundTrips(edge: MeteredEdge, { keysPerRequest, atOnce }: CostCase, count: number): Promise<void> {
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) await roundTrip(edge, keysPerRequest);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

async function roundTrip(edge: MeteredEdge, keys: number): Promise<void> {
  const enc = await edge.call("sae-a", `/api/v1/keys/sae-c/enc_keys?number=${keys}&size=${KEY_SIZE_BITS}`);
  const given = await enc.text();
  if (enc.status !== 200) throw new Error(`enc_keys answered ${enc.status}: ${given}`);
  const body = JSON.stringify({ key_IDs: keyIdsOf(given).map((id) => ({ key_ID: id })) });
  const dec = await edge.call("sae-c", "/api/v1/keys/sae-a/dec_keys", {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
  const fetched = await dec.text();
  if (dec.status !== 200) throw new Error(`dec_keys answered ${dec.status}: ${fetched}`);
  if (!sameKeys(given, fetched)) throw new Error("the two ends got unequal keys");
}
