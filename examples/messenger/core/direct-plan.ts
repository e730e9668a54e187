/**
 * When a direct channel is tried. One side offers, so that two offers do not cross; both must want it, and where it does
 * not open, or breaks, it is tried again ever less often. Meanwhile the room carries everything.
 */
import { BOUNDS } from "./bounds.ts";
import type { Direction } from "./direction.ts";

export interface DirectPlan {
  readonly isWantedHere: boolean;
  /** As the other side has said; before it has, nothing is tried. */
  readonly isWantedThere: boolean;
  readonly state: "none" | "trying" | "open";
  readonly failures: number;
  readonly notBeforeMs: number;
  /** When it opened, where it is open. */
  readonly openedMs: number;
}

export const NO_PLAN: DirectPlan = {
  isWantedHere: true,
  isWantedThere: false,
  state: "none",
  failures: 0,
  notBeforeMs: 0,
  openedMs: 0,
};

export const isWanted = (plan: DirectPlan): boolean => plan.isWantedHere && plan.isWantedThere;

export const mayOffer = (plan: DirectPlan, direction: Direction, nowMs: number): boolean =>
  direction === 0 && isWanted(plan) && plan.state === "none" && nowMs >= plan.notBeforeMs;

export const opened = (plan: DirectPlan, nowMs: number): DirectPlan => ({ ...plan, state: "open", openedMs: nowMs });

/** One that opens and does not last is no better than one that does not open. */
export function failed(plan: DirectPlan, nowMs: number): DirectPlan {
  const hasLasted = plan.state === "open" && nowMs - plan.openedMs >= BOUNDS.directRetryMaxMs;
  const failures = hasLasted ? 0 : plan.failures;
  const pauseMs = Math.min(BOUNDS.directRetryMaxMs, BOUNDS.directRetryMs * 2 ** failures);
  return { ...plan, state: "none", failures: failures + 1, notBeforeMs: nowMs + pauseMs };
}

/** The other side's page has come anew, or somebody has changed their mind: at once, whatever was before. */
export const afresh = (plan: DirectPlan, change: Partial<DirectPlan>): DirectPlan => ({
  ...plan,
  failures: 0,
  notBeforeMs: 0,
  ...change,
});
