/**
 * Fetching keys in random order out of a million pending ones, a hundred thousand and a thousand. Pools of one engine
 * hold them; each measurement comes after a restart, which leaves nothing in memory, and they take turns at being first.
 */
import type { LoadResult } from "../load/jobs.ts";
import {
  BULK_KEYS,
  KEY_SIZE_BITS,
  PENDING_CASES,
  PENDING_KEYS,
  type PendingCase,
  type PendingPlan,
} from "../options.ts";
import { progress } from "../progress.ts";
import type { PendingResult, PendingTurn } from "../report/pending.ts";
import { type Neighbours, PAIRS, type Rig } from "../rig.ts";

/** All hold keys taken `BULK_KEYS` a request: records are alike, only their number differs. */
const POOLS = { "1e6": PAIRS.third, "1e5": PAIRS.fourth, "1e3": PAIRS.second } as const satisfies Record<
  PendingCase,
  Neighbours
>;
/** The sooner it is done, the better. */
const TAKING_CONNECTIONS = 64;
const WARM_UP_MS = 1000;
/** Above what the warm-up takes. */
const WARM_UP_KEYS = 20_000;

export async function measurePending(rig: Rig, plan: PendingPlan): Promise<PendingResult> {
  const held = { "1e6": 0, "1e5": 0, "1e3": 0 };
  const firstMs: PendingResult["firstMs"][number][] = [];
  const turns: PendingTurn[] = [];
  let checkedKeys = 0;
  for (let restart = 0; restart < plan.restarts; restart++) {
    for (const name of PENDING_CASES) {
      const taken = await take(rig, name, PENDING_KEYS[name] - held[name]);
      held[name] += taken;
      checkedKeys += taken;
    }
    await rig.fill(PAIRS.first.link, (WARM_UP_KEYS * KEY_SIZE_BITS) / 8);
    progress("restarting, fetching");
    await rig.restart();
    const order = restart % 2 === 0 ? PENDING_CASES : PENDING_CASES.toReversed();
    firstMs.push(await inTurn(order, async (name) => (await fetch(rig, name, FIRST)).p50Ms));
    await warmUp(rig, plan);
    for (let turn = 0; turn < plan.turns; turn++) {
      turns.push(await inTurn(order, async (name) => await fetch(rig, name, { ...plan, keys: plan.fetches })));
    }
    for (const name of PENDING_CASES) {
      held[name] -= 1 + plan.turns * plan.fetches;
      const { pending } = await rig.ledgerOf(POOLS[name].link);
      if (pending !== held[name] * KEY_SIZE_BITS) throw new Error("keys were lost");
    }
  }
  return { plan, firstMs, turns, checkedKeys };
}

/** @returns how many keys were taken: whole requests */
async function take(rig: Rig, name: PendingCase, keys: number): Promise<number> {
  const requests = Math.ceil(keys / BULK_KEYS);
  const taken = requests * BULK_KEYS;
  progress(`taking ${taken} keys to be pending`);
  await rig.fill(POOLS[name].link, (taken * KEY_SIZE_BITS) / 8);
  const master = rig.masterOf(POOLS[name]);
  const shape = { connections: TAKING_CONNECTIONS, keysPerRequest: BULK_KEYS, sizeBits: KEY_SIZE_BITS };
  await rig.load({ job: "take", name, master, requests, ...shape });
  return taken;
}

async function inTurn<T>(
  order: readonly PendingCase[],
  measure: (name: PendingCase) => Promise<T>,
): Promise<Record<PendingCase, T>> {
  const measured: Partial<Record<PendingCase, T>> = {};
  for (const name of order) measured[name] = await measure(name);
  return measured as Record<PendingCase, T>;
}

/** The first answer: on a connection of its own, which counts. */
const FIRST = { connections: 1, keys: 1, isFirst: true };

const fetch = async (
  rig: Rig,
  name: PendingCase,
  { connections, keys, isFirst = false }: { connections: number; keys: number; isFirst?: boolean },
): Promise<LoadResult> =>
  await rig.load({ job: "fetch", name, slave: rig.slaveOf(POOLS[name]), connections, keys, isFirst });

/** The engine's compiler shall have done its work before either is measured; with keys of another pool. */
async function warmUp(rig: Rig, { connections }: PendingPlan): Promise<void> {
  await rig.load({
    job: "round-trips",
    connections,
    keysPerRequest: 1,
    sizeBits: KEY_SIZE_BITS,
    master: rig.masterOf(PAIRS.first),
    slave: rig.slaveOf(PAIRS.first),
    length: { warmUpMs: 0, measureMs: WARM_UP_MS },
    keysAreUnique: true,
  });
}
