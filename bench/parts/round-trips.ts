/** Round trips at the KMEs and, in turns, at the server that does nothing. */
import type { RoundTripsJob } from "../load/jobs.ts";
import { BULK_KEYS, type BenchOptions, KEY_SIZE_BITS, type Scenario, scenariosOf } from "../options.ts";
import { progress } from "../progress.ts";
import type { Round, ScenarioResult } from "../report/scenarios.ts";
import { PAIRS, type Rig } from "../rig.ts";

const WARM_UP_MS = 500;
/** So long after their start, load tool and no-op server gain half as much speed again. */
const YARDSTICK_WARM_UP_MS = 4000;
const YARDSTICK_CONNECTIONS = 64;
/** Above what any machine so far takes in a second. */
const KEYS_PER_S = 250_000;
const SINGLE_KEYS_PER_S = 30_000;

export async function measureRoundTrips(rig: Rig, options: BenchOptions): Promise<ScenarioResult[]> {
  await warmUpYardstick(rig);
  const results: ScenarioResult[] = [];
  for (const scenario of scenariosOf(options)) {
    const { connections, keysPerRequest } = scenario;
    progress(`${connections} connections, ${keysPerRequest} keys a request`);
    const rounds: Round[] = [];
    for (let round = 1; round <= options.rounds; round++) rounds.push(await measureRound(rig, options, scenario));
    const { pending } = await rig.ledgerOf(PAIRS.first.link);
    if (pending !== 0) throw new Error("keys were given out and not delivered");
    results.push({ scenario, rounds, memory: rig.memory(), noopBytes: rig.noopBytes() });
  }
  return results;
}

/** Else the first ratios would be those to a slower server, and the fewer rounds there are, the better we would look. */
async function warmUpYardstick(rig: Rig): Promise<void> {
  const nothing = rig.noopEndpoint(BULK_KEYS);
  await rig.load({
    job: "round-trips",
    connections: YARDSTICK_CONNECTIONS,
    keysPerRequest: BULK_KEYS,
    sizeBits: KEY_SIZE_BITS,
    length: { warmUpMs: 0, measureMs: YARDSTICK_WARM_UP_MS },
    master: nothing,
    slave: nothing,
    keysAreUnique: false,
  });
}

async function measureRound(rig: Rig, options: BenchOptions, scenario: Scenario): Promise<Round> {
  const measureMs = options.seconds * 1000;
  const perS = scenario.keysPerRequest === 1 ? SINGLE_KEYS_PER_S : KEYS_PER_S;
  const keys = (perS * (WARM_UP_MS + measureMs)) / 1000;
  await rig.fill(PAIRS.first.link, (keys * KEY_SIZE_BITS) / 8);
  const shape = {
    job: "round-trips",
    ...scenario,
    sizeBits: KEY_SIZE_BITS,
    length: { warmUpMs: WARM_UP_MS, measureMs },
  } as const satisfies Partial<RoundTripsJob>;
  // A no-op round trip is two no-op requests of the same sizes.
  const nothing = rig.noopEndpoint(scenario.keysPerRequest);
  const before = rig.cpu();
  const noop = await rig.load({ ...shape, master: nothing, slave: nothing, keysAreUnique: false });
  const [master, slave] = [rig.masterOf(PAIRS.first), rig.slaveOf(PAIRS.first)];
  const kme = await rig.load({ ...shape, master, slave, keysAreUnique: true });
  const after = rig.cpu();
  const cpu = {
    engineMs: (after.engineMs - before.engineMs) / kme.turns,
    frontsMs: (after.frontsMs - before.frontsMs) / kme.turns,
    noopMs: (after.noopMs - before.noopMs) / noop.turns,
  };
  return { noop, kme, cpu };
}
