/** No key ID twice, no key under two IDs, whichever job of this process got them. */
import { keysOf } from "./containers.ts";
import { Fingerprints } from "./fingerprints.ts";

const seenIds = new Fingerprints();
const seenKeys = new Fingerprints();

export const bytesOfId = (id: string): Buffer => Buffer.from(id.replaceAll("-", ""), "hex");

/** To be called once the clock has stopped. @returns how many keys were looked at */
export function checkRepeats(containers: readonly string[], sizeBits: number, problems: string[]): number {
  let checked = 0;
  for (const container of containers) {
    for (const { key_ID, key } of keysOf(container)) {
      const bytes = Buffer.from(key, "base64");
      if (bytes.length * 8 !== sizeBits) problems.push("a key of another size");
      else if (!seenKeys.add(bytes)) problems.push("a key was given out under two IDs");
      if (!seenIds.add(bytesOfId(key_ID))) problems.push("a key ID was given out twice");
      checked++;
    }
  }
  return checked;
}
