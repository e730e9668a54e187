/** Ends streams: when both ends are closed, and by the alarm those that nobody uses, that are closed, or that are over. */
import { LIMITS } from "../../shared/limits.ts";
import type { PoolContext } from "./context.ts";
import { inOneBatch } from "./parking.ts";
import { recordsOf } from "./stream-records.ts";
import { loggedAt, markOver } from "./stream-rows.ts";
import type { StreamRow } from "./stream-store.ts";
import { endKeys } from "./upkeep.ts";

/** Voids what is left of it, so much in one commit; the alarm goes on. @returns keys voided */
export function endStream(pool: PoolContext, stream: StreamRow): number {
  const records = recordsOf(pool, stream, 0, Number.MAX_SAFE_INTEGER, LIMITS.streamRecordsEnded);
  let keys = 0;
  for (const record of records) keys += endKeys(pool, record, "voided");
  if (records.length < LIMITS.streamRecordsEnded) pool.streams.delete(stream);
  else markOver(pool, stream);
  return keys;
}

/** At most one batch. @returns true where more may be waiting */
export async function endStreams(pool: PoolContext, nowMs: number): Promise<boolean> {
  if (pool.streams.earliestEndMs > nowMs) return false;
  const done = await inOneBatch(pool, pool.streams.ended(nowMs, LIMITS.streamsEnded), nowMs, {
    work: (streams) => {
      for (const { instance } of streams) {
        // As it is now: somebody may have used or closed it.
        const stream = pool.streams.byInstance(instance);
        if (stream === undefined || stream.endsMs > nowMs) continue;
        const keys = endStream(pool, stream);
        auditEnded(pool, stream, keys, nowMs);
      }
    },
    park: ({ instance }) => {
      const stream = pool.streams.byInstance(instance);
      if (stream === undefined || stream.endsMs > nowMs) return false;
      pool.streams.update(stream, { ...stream, ksid: null, endsMs: Number.MAX_SAFE_INTEGER });
      return true;
    },
    nameOf: ({ instance }) => `key stream ${instance}`,
  });
  pool.streams.recountEnds();
  return done && pool.streams.earliestEndMs <= nowMs;
}

function auditEnded(pool: PoolContext, { ksid, instance, ends }: StreamRow, keys: number, nowMs: number): void {
  const detail = { ksid, instance, voided: keys, pool: pool.pairName };
  pool.books.audit({ atMs: nowMs, act: "stream.end", who: "system", node: loggedAt(pool, ends[0].node), detail });
}
