/** For how long the engine, and the agents, answer nothing while KEMs are computed in them, or for them. */
import { KEM_NAMES, KEMS, type KemName } from "../../../shared/kem/registry.ts";
import { progress } from "../../progress.ts";
import { CHUNK_BYTES } from "../addresses.ts";
import type { Stalls } from "../load/jobs.ts";
import type { HybridOptions } from "../options.ts";
import type { StallResult } from "../report/measures.ts";
import type { HybridRig } from "../rig.ts";

const FOR_ENGINE = KEM_NAMES.filter((name) => KEMS[name].runs === "anywhere");
/** Of each kind the one with the longest keys or the most to compute: none of them an edge may compute. */
const FOR_AGENTS: readonly KemName[] = [
  "BIKE-L5",
  "HQC-256",
  "FrodoKEM-1344-SHAKE",
  "Classic-McEliece-348864f",
  "Classic-McEliece-8192128f",
];
const SESSIONS = 2;
const IDLE_MS = 300;
/** What takes long is looked at once a round, all else so many times. */
const TIMES = 3;
/** A batch of a stream and more. */
const CHUNKS = 1000;

/** In rounds: what stalls for other reasons, as the collection of garbage does, does not do so in each. */
export async function measureStalls(rig: HybridRig, options: HybridOptions): Promise<StallResult> {
  const { rounds, edgeExchanges: exchanges } = options;
  const { load, edge, ports } = rig;
  await rig.fill(CHUNKS * CHUNK_BYTES);
  const { url } = edge;
  const cases = [
    { kind: "idle", name: "nothing", work: () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)) },
    ...FOR_ENGINE.map((name) => ({
      kind: "engine" as const,
      name,
      work: () => load.run("edge-kem", { url, name, exchanges }),
    })),
    ...FOR_AGENTS.map((name) => ({
      kind: "agents" as const,
      name,
      work: () => load.run("few", { ports, kems: [name], count: SESSIONS }),
    })),
  ] as const;
  const seen = cases.map(({ kind, name }) => ({ kind, name, rounds: [] as Stalls[] }));
  for (let round = 1; round <= rounds; round++) {
    progress(`stalls, round ${round}`);
    for (const [at, { kind, work }] of cases.entries()) {
      const times = kind === "agents" ? 1 : TIMES;
      for (let time = 0; time < times; time++) seen[at]?.rounds.push(await during(rig, work));
    }
  }
  return { cases: seen, exchanges, sessions: SESSIONS };
}

async function during({ onlooker, edge, ports }: HybridRig, work: () => Promise<unknown>): Promise<Stalls> {
  await onlooker.run("start-probe", { url: edge.url, agents: { ...ports } });
  await work();
  return await onlooker.run("stop-probe", {});
}
