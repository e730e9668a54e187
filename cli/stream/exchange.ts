/** Fetches the same chunks at both ends of a stream, compares them, and forgets them: no byte goes any further. */
import { type End, errorOf, type OpenPair, type Opening, type OpenStreams } from "./ends.ts";
import { isSameMixture, type Mixture } from "../../shared/hybrid/mixture.ts";
import type { Template } from "./template.ts";

export interface Outcome {
  readonly ksid: string | null;
  readonly chunkBytes: number | null;
  readonly chunks: number;
  readonly result: "equal" | "unequal" | "failed";
  /** What hybrid chunks were made of; several where that has changed from one chunk to another. */
  readonly mixtures: readonly Mixture[];
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
    const { message } = opening.error;
    return { ksid: null, chunkBytes: null, chunks: 0, result: "failed", mixtures: [], message };
  }
  const { pair } = opening;
  const { ksid, chunkBytes } = pair;
  const mixtures: Mixture[] = [];
  let chunks = 0;
  try {
    let isEqual = true;
    for (const index of indices) {
      const compared = await compareChunk(pair, index);
      const { mixture } = compared;
      isEqual &&= compared.isEqual;
      chunks++;
      if (mixture !== null && !mixtures.some((each) => isSameMixture(each, mixture))) mixtures.push(mixture);
    }
    for (const end of pair.ends) await end.close();
    return { ksid, chunkBytes, chunks, result: isEqual ? "equal" : "unequal", mixtures, message: null };
  } catch (error) {
    await Promise.allSettled(pair.ends.map((end) => end.close()));
    return { ksid, chunkBytes, chunks, result: "failed", mixtures, message: errorOf(error).message };
  }
}

interface Compared {
  readonly isEqual: boolean;
  readonly mixture: Mixture | null;
}

/** @throws what either end says; for a chunk of another length, or of which the ends tell different things */
async function compareChunk({ ends, chunkBytes }: OpenPair, index: number): Promise<Compared> {
  const given = await Promise.allSettled(ends.map((end: End) => end.getKey(index)));
  const chunks = given.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  const keys = chunks.map(({ key }) => key);
  try {
    for (const one of given) if (one.status === "rejected") throw errorOf(one.reason);
    const [a, b] = keys;
    if (a === undefined || b === undefined) throw new Error("a chunk is missing");
    if (a.length === 0 || (chunkBytes !== 0 && a.length !== chunkBytes)) {
      throw new Error(`chunk ${index} has ${a.length} bytes, not ${chunkBytes}`);
    }
    // An end that is a hybridization module tells nothing.
    const [mixture = null, other = mixture] = chunks.flatMap((chunk) => chunk.mixture ?? []);
    if (mixture !== null && other !== null && !isSameMixture(mixture, other)) {
      throw new Error(`chunk ${index} is not made of the same at both ends, as they tell`);
    }
    return { isEqual: a.length === b.length && a.every((octet, i) => octet === b[i]), mixture };
  } finally {
    for (const key of keys) key.fill(0);
  }
}
