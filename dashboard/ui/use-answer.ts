import { useEffect, useState } from "preact/hooks";
import type { Answer } from "../browser/api.ts";
import { useSurroundings } from "./surroundings.ts";

// oxlint-disable typescript/no-unnecessary-type-parameters -- what is answered is the contract's to say
/**
 * What the edge answers to a GET; null until it has.
 *
 * @param again whenever this changes it is asked anew
 */
export function useAnswer<T>(path: string, again: unknown = null): Answer<T> | null {
  const { api } = useSurroundings();
  const [answer, setAnswer] = useState<Answer<T> | null>(null);
  useEffect(() => {
    let isWanted = true;
    void (async () => {
      const got = await api.get<T>(path);
      if (isWanted) setAnswer(got);
    })();
    return () => {
      isWanted = false;
    };
  }, [api, path, again]);
  return answer;
}
