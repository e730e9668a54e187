/** Round trips with nodes ever further away, at four fifths of the rate at which links make key, out of little stock. */
import { progress } from "../../progress.ts";
import { SIZE_BITS } from "../load/jobs.ts";
import { HOPS, KEY_RATE_BPS, linksTo, nodeAt, RATES_STAGE } from "../network.ts";
import { CONNECTIONS, type RelayOptions } from "../options.ts";
import type { RatesResult } from "../report/measures.ts";
import type { RelayRig } from "../rig.ts";

const SHARE = 0.8;
const ASKED_PER_S = (SHARE * KEY_RATE_BPS) / SIZE_BITS;
/** So long after their start, engine and load tool have come to their full speed. */
const FIRST_WARM_UP_MS = 5000;
const FULL_BYTES = 0.9 * RATES_STAGE.pool.high_bytes;

export async function measureRates(rig: RelayRig, options: RelayOptions): Promise<RatesResult[]> {
  progress("rates: warming up");
  await load(rig, 1, FIRST_WARM_UP_MS);
  const results: RatesResult[] = [];
  for (const hops of HOPS) {
    progress(`rates, ${hops} ${hops === 1 ? "hop" : "hops"}`);
    results.push(await measureOver(rig, hops, options));
  }
  return results;
}

const load = async (rig: RelayRig, hops: number, forMs: number) =>
  await rig.load.run("at-rate", {
    ...rig.endsWith(nodeAt(hops)),
    perS: ASKED_PER_S,
    forMs,
    connections: CONNECTIONS,
  });

async function measureOver(
  rig: RelayRig,
  hops: number,
  { ratesMs, ratesWarmUpMs }: RelayOptions,
): Promise<RatesResult> {
  const links = linksTo(hops);
  await rig.untilFull(links, FULL_BYTES);
  await load(rig, hops, ratesWarmUpMs);
  const look = async () => ({
    links: await Promise.all(links.map((link) => rig.link(link))),
    pair: await rig.pairWith(nodeAt(hops)),
    cpuMs: rig.cpuMs(),
  });
  const before = await look();
  const loaded = await load(rig, hops, ratesMs);
  const after = await look();
  const spent = (pools: typeof before.links): number => pools.reduce((sum, { spentBits }) => sum + spentBits, 0);
  // A pair with a link has its keys from there.
  const stock = hops === 1 ? 0 : before.pair.availableBits;
  return {
    ...loaded,
    hops,
    askedPerS: ASKED_PER_S,
    warmBits: stock + Math.max(...before.links.map(({ availableBits }) => availableBits)),
    cpuMsPerTrip: (after.cpuMs - before.cpuMs) / loaded.done,
    spentBits: spent(after.links) - spent(before.links),
    relayedBits: hops === 1 ? 0 : after.pair.ingestedBits - before.pair.ingestedBits,
  };
}
