/** Pools of relayed key, as an edge lists them. */
import type * as v from "valibot";
import { type RelayedPairSchema, RelayedPairsSchema } from "../../shared/api/node-schemas.ts";
import { expectShape } from "./answers.ts";
import type { Api } from "./api.ts";

export type RelayedPair = v.InferOutput<typeof RelayedPairSchema>;

export const pairPath = (pair: string): string => `/api/v1/pairs/${encodeURIComponent(pair)}`;

/** One for each kind of key a pair has. None for a caller who may not read them, nor of an edge of the release before. */
export async function listPairs(api: Api): Promise<readonly RelayedPair[]> {
  const found: RelayedPair[] = [];
  for (let after: string | null = ""; after !== null;) {
    const path: string = `/api/v1/pairs?after=${encodeURIComponent(after)}`;
    const answer = await api.call({ path, retry: true, accept: [403, 404] });
    if (answer.status !== 200) break;
    const { pairs, next } = expectShape(RelayedPairsSchema, answer.json);
    found.push(...pairs);
    after = next;
  }
  return found;
}
