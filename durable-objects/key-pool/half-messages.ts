/** What this half tells the other, as messages. */
import { toHex } from "../../shared/bytes/hex.ts";
import type { SaeId } from "../../shared/ids.ts";
import type { Announcement, Fetched } from "../../shared/keypool/half.ts";
import type { HalfParts } from "./half-parts.ts";
import type { KeyRecord } from "./rows.ts";

export function announcementOf({ pool, units }: HalfParts, record: KeyRecord, expiresMs: number): Announcement {
  return {
    kind: "announce",
    use: record.chunks !== null ? "stream" : record.hop === null ? "key" : "pad",
    record: record.id,
    nonce: toHex(record.nonce),
    mask: toHex(pool.secrets.maskOf(record.nonce)),
    keys: record.keys,
    sizeBytes: record.sizeBytes,
    segments: record.segments.map(({ unit, offset, length }) => {
      const [block, unitOffset] = units.placeOf(unit);
      return [block, unitOffset + offset, length];
    }),
    master: record.master,
    masterNode: record.masterNode,
    recipients: record.recipients,
    expiresMs,
    ...(record.hop === null ? {} : { hop: record.hop }),
    ...(record.chunks === null ? {} : { chunks: record.chunks }),
  };
}

export const fetchedOf = (
  { nonce }: KeyRecord,
  { record, sae, indices }: { readonly record: number; readonly sae: SaeId; readonly indices: readonly number[] },
): Fetched => ({ kind: "fetched", record, nonce: toHex(nonce), sae, runs: runsOf(indices) });

/** Neighbouring indices together: a batch is mostly fetched whole, and in order. */
function runsOf(indices: readonly number[]): Fetched["runs"] {
  const runs: [first: number, count: number][] = [];
  for (const index of indices) {
    const last = runs.at(-1);
    if (last !== undefined && last[0] + last[1] === index) last[1]++;
    else runs.push([index, 1]);
  }
  return runs;
}
