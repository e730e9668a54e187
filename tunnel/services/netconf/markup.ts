/** How much markup a message may have: told before it is parsed, as parsing is what costs, not the bytes. */
import { LIMITS } from "../../../shared/limits.ts";

/** Elements by their tags, attributes by their quotes, entities. */
const MOST: readonly (readonly [sign: string, count: number])[] = [
  ["<", LIMITS.netconfTags],
  ['"', LIMITS.netconfQuotes],
  ["'", LIMITS.netconfQuotes],
  ["&", LIMITS.netconfReferences],
];

export const hasTooMuchMarkup = (text: string): boolean => MOST.some(([sign, most]) => hasMore(sign, most, text));

function hasMore(sign: string, most: number, text: string): boolean {
  let count = 0;
  for (let at = text.indexOf(sign); at !== -1 && count <= most; at = text.indexOf(sign, at + 1)) count += 1;
  return count > most;
}
