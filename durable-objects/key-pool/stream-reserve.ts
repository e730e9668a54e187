/**
 * Chunks of a stream whose other node lives in another deployment: made in two steps. First they are `reserved` and
 * announced; once the other half durably knows of them, they are published, and only then handed to anybody. What fails in
 * between leaves a hole in the stream: chunks that are gone at both ends alike, and never were anywhere.
 */
import type { Fault } from "../../shared/errors/errors.ts";
import type { Result } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import { publishWithAll } from "./publish.ts";
import { type ChunkRecord, ttlEndMs } from "./stream-records.ts";
import type { StreamRow } from "./stream-store.ts";

/** Should the other half never answer, the bits are not held up for a chunk's whole life. */
export const RESERVED_MS = 60_000;

/** Chunks of this record are on their way; until when they are good. */
export interface Reservation {
  readonly record: ChunkRecord;
  readonly expiresMs: number;
}

/** What is on its way, in memory: after a crash nobody waits for it, and it is voided. */
export class Reservations {
  readonly #open = new Map<number, { readonly over: Promise<void>; readonly end: () => void }>();

  add(record: number): void {
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    this.#open.set(record, { over, end });
  }

  /** It is published, or voided. */
  end(record: number): void {
    this.#open.get(record)?.end();
    this.#open.delete(record);
  }

  /** Resolves when one of these chunks is no longer on its way; undefined: none of them is. */
  awaited(
    pool: Pick<PoolContext, "records">,
    { instance }: StreamRow,
    indices: readonly number[],
  ): Promise<void> | undefined {
    for (const [id, { over }] of this.#open) {
      const record = pool.records.byId(id);
      // Its commit has failed, and the number may be another's by now.
      if (record?.state !== "reserved") this.end(id);
      if (record?.state !== "reserved" || record.chunks?.instance !== instance) continue;
      const { first } = record.chunks;
      if (indices.some((index) => index >= first && index < first + record.keys)) return over;
    }
    return undefined;
  }
}

/** Inside a commit: chunks that were made for nobody in particular. */
export function insertMade(pool: PoolContext, stream: StreamRow, record: ChunkRecord): void {
  pool.records.insert(record);
  pool.useLease(record.keys);
  pool.streams.progress({ ...stream, nextIndex: stream.nextIndex + record.keys });
}

/** Inside a commit: the same, and the other half is told. */
export function reserve(pool: PoolContext, stream: StreamRow, record: ChunkRecord): Reservation {
  const expiresMs = ttlEndMs(stream, record);
  insertMade(pool, stream, record);
  pool.half.announce(record, expiresMs);
  pool.reservations.add(record.id);
  return { record, expiresMs };
}

/** @returns why nobody can have them, where that is so: they are voided then */
export async function publishReserved(
  pool: PoolContext,
  { record, expiresMs }: Reservation,
  principal: string,
): Promise<Result<null, Fault>> {
  const otherHalf = { join: async () => await pool.half.acknowledged(record), leave: async () => {} };
  try {
    return await publishWithAll(pool, { principal }, record, [otherHalf], expiresMs);
  } finally {
    pool.reservations.end(record.id);
  }
}
