import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../browser/api.ts";
import { untilItStands } from "../core/patience.ts";
import { useSurroundings } from "./surroundings.ts";

// oxlint-disable typescript/no-unnecessary-type-parameters -- what is answered is the contract's to say
/**
 * What the edge answers to a GET; null until it has. Where the answer may pass, as without a connection, it is asked again.
 *
 * @param again whenever this changes it is asked anew
 */
export function useAnswer<T>(path: string, again: unknown = null): Answer<T> | null {
  const { api } = useSurroundings();
  const [answer, setAnswer] = useState<Answer<T> | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    void untilItStands(async () => await api.get<T>(path), setAnswer, leaving);
    return () => leaving.abort();
  }, [api, path, again]);
  return answer;
}
