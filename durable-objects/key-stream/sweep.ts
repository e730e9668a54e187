/** Forgets streams that their pools know no more of. */
import { LIMITS } from "../../shared/limits.ts";
import { logFailure } from "../log-failure.ts";
import type { Halves } from "./halves.ts";

/** One bounded step. */
export async function sweep(halves: Halves): Promise<void> {
  const { store, nowMs } = halves.reach;
  halves.hybrid.sweep();
  for (const row of store.due(nowMs(), LIMITS.streamSweepRows)) {
    let isGone = false;
    try {
      const there = await halves.isThere(row, 0);
      isGone = there.ok && !there.value;
    } catch (error) {
      logFailure("key stream, sweep", error);
    }
    if (isGone) halves.forget(row.ksid);
    else store.lookAgain(row.ksid, nowMs() + halves.hybrid.lookMs(row.ksid));
  }
}
