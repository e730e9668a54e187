/** Operations of each KEM a second, in the way of an agent. */
import { KEM_NAMES } from "../../../shared/kem/registry.ts";
import { progress } from "../../progress.ts";
import type { LoadTool } from "../../processes/jobs.ts";
import type { Jobs } from "../load/jobs.ts";
import type { HybridOptions } from "../options.ts";
import type { KemResult } from "../report/measures.ts";

export async function measureKems(load: LoadTool<Jobs>, { kemMs: forMs }: HybridOptions): Promise<KemResult[]> {
  const results: KemResult[] = [];
  for (const name of KEM_NAMES) {
    progress(name);
    results.push({ name, ...(await load.run("kem", { name, forMs })) });
  }
  return results;
}
