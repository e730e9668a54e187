/** Relays that nobody waits for, as fast as they go; and relays of single keys, one after the other. */
import { progress } from "../../progress.ts";
import { LIMITS } from "../../../shared/limits.ts";
import { CHAIN, FIRST_NODE, linksTo, nodeAt, pairWith } from "../network.ts";
import type { RelayOptions } from "../options.ts";
import type { FillResult, FillRound, SingleResult } from "../report/measures.ts";
import type { RelayRig } from "../rig.ts";

const LAST = CHAIN.length - 1;
const FILL_HOPS = [2, LAST];
const KEY_BYTES = 32;
const NO_END_MS = 60_000;
const WARM_UP_CALLS = 2;
/** Of one fill, at most: links are given as much before. */
const CALLS_PER_S = 12;

const orderOver = (hops: number) => ({ from: FIRST_NODE, pair: pairWith(nodeAt(hops)) });

export async function measureFills(rig: RelayRig, { rounds: count, fillMs }: RelayOptions): Promise<FillResult[]> {
  await rig.toFullStage();
  const most = Math.ceil((CALLS_PER_S * fillMs) / 1000);
  const results: FillResult[] = [];
  for (const hops of FILL_HOPS) {
    progress(`fills, ${hops} hops`);
    const order = { ...orderOver(hops), bytes: LIMITS.relayAheadBytes, isUrgent: false };
    const links = linksTo(hops);
    await rig.prefill(links, (WARM_UP_CALLS + 1) * LIMITS.relayAheadBytes);
    await rig.untilReached(nodeAt(hops));
    await rig.bring({ ...order, calls: WARM_UP_CALLS, forMs: NO_END_MS });
    const before = await rig.settled(links);
    const rounds: FillRound[] = [];
    for (let number = 0; number < count; number++) {
      await rig.prefill(links, (most + 1) * LIMITS.relayAheadBytes);
      const startCpuMs = rig.cpuMs();
      const { bytes, ms } = await rig.bring({ ...order, calls: most, forMs: fillMs });
      rounds.push({ bytes, ms, cpuMs: rig.cpuMs() - startCpuMs });
    }
    const after = await rig.settled(links);
    results.push({ hops, rounds, spentBits: after.spentBits - before.spentBits });
  }
  return results;
}

export async function measureSingle(rig: RelayRig, { singles: calls }: RelayOptions): Promise<SingleResult> {
  progress(`single keys, ${LAST} hops`);
  await rig.toFullStage();
  const links = linksTo(LAST);
  await rig.prefill(links, LIMITS.relayAheadBytes);
  const order = { ...orderOver(LAST), bytes: KEY_BYTES, isUrgent: true, forMs: NO_END_MS };
  await rig.untilReached(nodeAt(LAST));
  await rig.bring({ ...order, calls: WARM_UP_CALLS });
  const before = await rig.settled(links);
  const { bytes, ms } = await rig.bring({ ...order, calls });
  const after = await rig.settled(links);
  return { hops: LAST, calls, ms, bytes, spentBits: after.spentBits - before.spentBits };
}
