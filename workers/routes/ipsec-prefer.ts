/** `Prefer` (RFC 7240), as far as the routes of IPsec entries know it: `respond-async` and `wait`. */
import { LIMITS } from "../../shared/limits.ts";

export interface Preferred {
  readonly async: boolean;
  readonly waitMs: number;
}

const SECOND_MS = 1000;
const WAIT = /^wait\s*=\s*"?(?<seconds>\d{1,9})"?$/i;

/** What is not understood is passed over, as clause 2 wants it; of two of one name the first counts. */
export function preferred(header: string | null, otherwiseMs: number): Preferred {
  const preferences = (header ?? "").split(",").map((each) => (each.split(";")[0] ?? "").trim());
  const async = preferences.some((each) => each.toLowerCase() === "respond-async");
  const seconds = preferences.map((each) => WAIT.exec(each)?.groups?.["seconds"]).find((each) => each !== undefined);
  if (seconds === undefined) return { async, waitMs: async ? 0 : otherwiseMs };
  return { async, waitMs: Math.min(Number(seconds) * SECOND_MS, LIMITS.ipsecAnswerWaitMs) };
}
