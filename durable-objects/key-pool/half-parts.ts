/** What the files about a pool's remote half share. */
import { fault, type Fault } from "../../shared/errors/errors.ts";
import type { NodeId } from "../../shared/ids.ts";
import { err } from "../../shared/result.ts";
import type { PoolContext } from "./context.ts";
import type { HalfLog } from "./half-log.ts";
import type { HalfUnits } from "./half-units.ts";

export interface HalfParts {
  readonly pool: PoolContext;
  readonly log: HalfLog;
  readonly units: HalfUnits;
  /** The node hosted here, and the other half's. */
  readonly own: NodeId;
  readonly other: NodeId;
}

/** Inside a commit: the halves do not agree on what was done with material. */
export function disagree({ pool, other }: HalfParts, detail: string): void {
  pool.standingAlarms.raise("halves-disagree", other, detail, { nowMs: Date.now() });
}

export const otherHalfSilent = () =>
  err<Fault>({
    ...fault("unavailable", "the other half of this pair does not answer, try again"),
    retryAfterSeconds: 1,
  });
