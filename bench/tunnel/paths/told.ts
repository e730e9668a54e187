import type { Path } from "./path.ts";

/** @throws Error with what the way's programs say, where something fails on it */
export async function told<T>(path: Path, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new Error(`${path.name}: ${problem}\n${path.diagnosis()}`, { cause: error });
  }
}
