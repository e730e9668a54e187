/**
 * Which stream is meant by an OPEN_CONNECT that names none. Clients of the hybridization module pass no KSID: both ends
 * pass the same source and destination, and expect to meet. So both ends' agents make the KSID of these two texts and a
 * number, the lane: several such streams may be open at once, and which lanes are in use the edge tells both alike.
 */
import { createHash } from "node:crypto";
import { ksidOfBytes, KSID_BYTES } from "../../../shared/etsi004/ksid.ts";
import type { Ksid } from "../../../shared/etsi004/types.ts";
import { LIMITS } from "../../../shared/limits.ts";

/** Version 4 (RFC 9562 5.4), as the standard wants a KSID to look; it tells nothing of any key. */
export function ksidOfLane(source: string, destination: string, lane: number): Ksid {
  const hash = createHash("sha256")
    .update(JSON.stringify(["json-tcp", source, destination, lane]))
    .digest();
  const bytes = hash.subarray(0, KSID_BYTES);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return ksidOfBytes(bytes);
}

/** Streams opened at this end and not closed: where to look last for one that is free. Of too many, the oldest go. */
export class OpenLanes {
  readonly #open = new Set<Ksid>();

  has(ksid: Ksid): boolean {
    return this.#open.has(ksid);
  }

  add(ksid: Ksid): void {
    this.#open.add(ksid);
    const [oldest] = this.#open;
    if (this.#open.size > LIMITS.streamsPerSae && oldest !== undefined) this.#open.delete(oldest);
  }

  delete(ksid: Ksid): void {
    this.#open.delete(ksid);
  }
}
