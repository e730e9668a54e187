/** GET_KEY and whole sessions at both ends, with QKD and the KEM that is usual. */
import type { KemName } from "../../../shared/kem/registry.ts";
import { progress } from "../../progress.ts";
import { CHUNK_BYTES } from "../addresses.ts";
import type { Jobs } from "../load/jobs.ts";
import { CONNECTIONS, type HybridOptions } from "../options.ts";
import type { LoadResult, RoundOf } from "../report/measures.ts";
import type { HybridRig } from "../rig.ts";

const KEMS: readonly KemName[] = ["ML-KEM-768"];
const WARM_UP_MS = 300;
/** So long after their start, engine, agents and load tool have come to their full speed. */
const FIRST_WARM_UP_MS = 1500;
/** Above what any machine so far gives in a second. */
const CHUNKS_PER_S = 20_000;

export async function measureRounds<Name extends "get-key" | "sessions">(
  rig: HybridRig,
  name: Name,
  { rounds: count, measureMs }: Pick<HybridOptions, "rounds" | "measureMs">,
): Promise<LoadResult<RoundOf<Name>>[]> {
  const run = async (pairs: number, forMs: number): Promise<RoundOf<Name>> => {
    await rig.fill((CHUNKS_PER_S * CHUNK_BYTES * (WARM_UP_MS + forMs)) / 1000);
    const timing = { warmUpMs: WARM_UP_MS, measureMs: forMs };
    const before = rig.cpu();
    const given: Jobs[Name]["gives"] = await rig.load.run(name, { ports: rig.ports, kems: KEMS, pairs, ...timing });
    const { engineMs, agentsMs } = rig.cpu();
    const cpu = {
      engineMs: (engineMs - before.engineMs) / given.checkedKeys,
      agentsMs: (agentsMs - before.agentsMs) / given.checkedKeys,
    };
    return { ...given, cpu };
  };
  progress(`${name}: warming up`);
  await run(Math.max(...CONNECTIONS), FIRST_WARM_UP_MS);
  const results: LoadResult<RoundOf<Name>>[] = [];
  for (const pairs of CONNECTIONS) {
    progress(`${name}, ${pairs} at once`);
    const rounds: RoundOf<Name>[] = [];
    for (let number = 0; number < count; number++) rounds.push(await run(pairs, measureMs));
    results.push({ pairs, rounds });
  }
  return results;
}
