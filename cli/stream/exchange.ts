/** Fetches the same chunks at both ends of a stream, compares them, and forgets them: no byte goes any further. */
import { type End, errorOf, type OpenPair, type Opening, type OpenStreams } from "./ends.ts";
import type { Template } from "./template.ts";

export interface Outcome {
  readonly ksid: string | null;
  readonly chunkBytes: number | null;
  readonly chunks: number;
  readonly result: "equal" | "unequal" | "failed";
  /** Why it failed. */
  readonly message: string | null;
  /** From the first OPEN_CONNECT to the last CLOSE. */
  readonly ms: number;
}

/** OPEN_CONNECT, GET_KEY and CLOSE of `parallel` streams of one template at once. Never rejects. */
export async function runStreams(
  open: OpenStreams,
  template: Template,
  run: { readonly parallel: number; readonly indices: readonly number[]; readonly nowMs: () => number },
): Promise<readonly Outcome[]> {
  const sinceMs = run.nowMs();
  const openings = await open(template, run.parallel);
  return await Promise.all(
    openings.map(async (opening) => {
      const outcome = await outcomeOf(opening, run.indices);
      return { ...outcome, ms: run.nowMs() - sinceMs };
    }),
  );
}

async function outcomeOf(opening: Opening, indices: readonly number[]): Promise<Omit<Outcome, "ms">> {
  if ("error" in opening) {
    return { ksid: null, chunkBytes: null, chunks: 0, result: "failed", message: opening.error.message };
  }
  const { pair } = opening;
  const { ksid, chunkBytes } = pair;
  let chunks = 0;
  try {
    let isEqual = true;
    for (const index of indices) {
      isEqual = (await isChunkEqual(pair, index)) && isEqual;
      chunks++;
    }
    for (const end of pair.ends) await end.close();
    return { ksid, chunkBytes, chunks, result: isEqual ? "equal" : "unequal", message: null };
  } catch (error) {
    await Promise.allSettled(pair.ends.map((end) => end.close()));
    return { ksid, chunkBytes, chunks, result: "failed", message: errorOf(error).message };
  }
}

/** @throws what either end says, or for a chunk of another length */
async function isChunkEqual({ ends, chunkBytes }: OpenPair, index: number): Promise<boolean> {
  const given = await Promise.allSettled(ends.map((end: End) => end.getKey(index)));
  const keys = given.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  try {
    for (const one of given) if (one.status === "rejected") throw errorOf(one.reason);
    const [a, b] = keys;
    if (a === undefined || b === undefined) throw new Error("a chunk is missing");
    if (a.length === 0 || (chunkBytes !== 0 && a.length !== chunkBytes)) {
      throw new Error(`chunk ${index} has ${a.length} bytes, not ${chunkBytes}`);
    }
    return a.length === b.length && a.every((octet, i) => octet === b[i]);
  } finally {
    for (const key of keys) key.fill(0);
  }
}
