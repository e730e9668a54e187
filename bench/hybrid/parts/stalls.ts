/** For how long the engine, and the agents, answer nothing while KEMs are computed in them, or for them. */
import { KEM_NAMES, KEMS, type KemName } from "../../../shared/kem/registry.ts";
import { progress } from "../../progress.ts";
import { CHUNK_BYTES } from "../addresses.ts";
import type { Stalls } from "../load/jobs.ts";
import type { HybridOptions } from "../options.ts";
import type { StallResult } from "../report/measures.ts";
import type { HybridRig } from "../rig.ts";

/** Of each kind the one with the longest keys or the most to compute: none of them an edge may compute. */
const FOR_AGENTS: readonly KemName[] = [
  "BIKE-L5",
  "HQC-256",
  "FrodoKEM-1344-SHAKE",
  "Classic-McEliece-348864f",
  "Classic-McEliece-8192128f",
];
const SESSIONS = 3;
const IDLE_MS = 3000;
/** A batch of a stream and more. */
const CHUNKS = 1000;

export async function measureStalls(rig: HybridRig, { edgeExchanges }: HybridOptions): Promise<StallResult> {
  const { load, edge } = rig;
  await rig.fill(CHUNKS * CHUNK_BYTES);
  const { url } = edge;
  progress("stalls: nothing going on");
  const idle = await during(rig, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
  progress("stalls: KEMs in the engine");
  const names = KEM_NAMES.filter((name) => KEMS[name].runs === "anywhere");
  const inEngine = await during(rig, async () => {
    for (const name of names) await load.run("edge-kem", { url, name, exchanges: edgeExchanges });
  });
  const inAgents: [string, Stalls][] = [];
  for (const name of FOR_AGENTS) {
    progress(`stalls: sessions with ${name}`);
    const { ports } = rig;
    const stalls = await during(rig, async () => {
      await load.run("few", { ports, kems: [name], count: SESSIONS });
    });
    inAgents.push([name, stalls]);
  }
  return { idle, inEngine, inAgents: Object.fromEntries(inAgents), exchanges: edgeExchanges, sessions: SESSIONS };
}

async function during({ onlooker, edge, ports }: HybridRig, work: () => Promise<unknown>): Promise<Stalls> {
  await onlooker.run("start-probe", { url: edge.url, agents: { ...ports } });
  await work();
  return await onlooker.run("stop-probe", {});
}
