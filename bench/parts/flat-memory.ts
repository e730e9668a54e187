/** What the engine's memory does while a million keys go through it. */
import { BULK_KEYS, KEY_SIZE_BITS, type MemoryPlan } from "../options.ts";
import { progress } from "../progress.ts";
import type { FlatMemory, MemorySample } from "../report/memory.ts";
import { PAIRS, type Rig } from "../rig.ts";

/**
 * On an engine that has its working size: the first hundred thousands of keys grow the heap of any new one. Key is made
 * as it is used up, so that what this takes is in all samples.
 */
export async function measureFlatMemory(rig: Rig, { keys, sliceKeys, connections }: MemoryPlan): Promise<FlatMemory> {
  progress(`${keys.toLocaleString("en-GB")} keys`);
  const before = await rig.ledgerOf(PAIRS.first.link);
  const samples: MemorySample[] = [{ keys: 0, ...rig.memory() }];
  let checkedKeys = 0;
  for (let delivered = 0; delivered < keys;) {
    await rig.fill(PAIRS.first.link, (sliceKeys * KEY_SIZE_BITS) / 8);
    const slice = await rig.load({
      job: "round-trips",
      connections,
      keysPerRequest: BULK_KEYS,
      sizeBits: KEY_SIZE_BITS,
      master: rig.masterOf(PAIRS.first),
      slave: rig.slaveOf(PAIRS.first),
      length: { roundTrips: sliceKeys / BULK_KEYS },
      keysAreUnique: true,
    });
    checkedKeys += slice.checkedKeys;
    delivered += sliceKeys;
    samples.push({ keys: delivered, ...rig.memory() });
  }
  const after = await rig.ledgerOf(PAIRS.first.link);
  const deliveredBits = (after["delivered"] ?? 0) - (before["delivered"] ?? 0);
  if (deliveredBits !== keys * KEY_SIZE_BITS || after["pending"] !== 0) throw new Error("keys were lost");
  return { samples, checkedKeys };
}
