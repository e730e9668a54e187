/** What was read ahead and is not called for goes back to the pool: whoever shares it may want the key more. */
import { LIMITS } from "../../shared/limits.ts";
import { logFailure } from "../log-failure.ts";
import type { Seat } from "./half.ts";
import type { Halves } from "./halves.ts";
import { sleep } from "../sleep.ts";

/** Hands back what is held once nobody has called for a while. */
export function watchHeld(halves: Halves, seat: Seat): void {
  const { end } = seat;
  if (end.isWatched || end.held.size === 0) return;
  end.isWatched = true;
  halves.reach.background(watch(halves, seat));
}

async function watch(halves: Halves, seat: Seat): Promise<void> {
  const { end } = seat;
  const { nowMs } = halves.reach;
  try {
    while (end.held.size > 0) {
      const leftMs = end.pace.lastCallMs + LIMITS.streamIdleHandBackMs - nowMs();
      if (leftMs > 0) {
        await sleep(leftMs);
        continue;
      }
      // Nobody's turn can be meanwhile: they would ask for what is on its way back.
      const turn = await end.turns.take(nowMs() + LIMITS.streamTimeoutMs);
      try {
        if (turn !== null && nowMs() - end.pace.lastCallMs >= LIMITS.streamIdleHandBackMs) await handBack(halves, seat);
      } finally {
        turn?.release();
      }
    }
  } finally {
    end.isWatched = false;
  }
}

/** At once. What the pool does not hear of it takes for had. */
export async function handBack(halves: Halves, { half, end }: Seat): Promise<void> {
  const handedBack = end.held.dropAll();
  if (handedBack.length === 0) return;
  const { instance, self } = end;
  try {
    await halves.poolOf(half).settleChunks({ ksid: half.ksid, instance, self, handedBack });
  } catch (error) {
    logFailure("key stream, handing back", error);
  }
}
