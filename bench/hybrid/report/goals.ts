/** What hybrid keys are to reach: sessions three times those of the hybridization module, measured on such a machine. */
import type { Goal } from "../../report/goals.ts";

/** Whole sessions a second, of one pair of applications and of eight. */
const MODULE_SESSIONS_PER_S = { c1: 10.4, c8: 80 } as const;
const TIMES = 3;
const threefold = (perS: number): number => Number((TIMES * perS).toFixed(1));

export const HYBRID_GOALS: readonly Goal[] = [
  {
    figure: "sessionsPerS_c1",
    is: "at least",
    bound: threefold(MODULE_SESSIONS_PER_S.c1),
    what: "sessions/s, one at a time: three times the module's 10.4",
  },
  {
    figure: "sessionsPerS_c8",
    is: "at least",
    bound: threefold(MODULE_SESSIONS_PER_S.c8),
    what: "sessions/s, 8 at once: three times the module's 80",
  },
  { figure: "engineMaxBlockMs", is: "at most", bound: 20, what: "longest stall of the engine while it computes KEMs" },
];
