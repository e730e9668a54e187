/**
 * Levels of key, told in steps: key comes and goes all the time, and not every bit of it shall be flooded. A level that
 * was told stands while the real one is near it.
 */
import type { LinkState } from "../types.ts";
import type { OwnState } from "./types.ts";

/** What was told stands from this to that part of it. */
const NEAR = { from: 0.75, to: 1.5 } as const;
/** A real level is at most so many times what was told of it; or it has risen within a second or two. */
export const REAL_TO_TOLD = NEAR.to;
const QBER_NEAR = 0.005;
const QBER_STEPS = 1000;

/** Down to its three highest bits: at most a fifth less than it was. */
export function quantise(level: number): number {
  const whole = Math.floor(level);
  if (whole < 8) return Math.max(0, whole);
  let step = 2 ** (Math.floor(Math.log2(whole)) - 2);
  // Just below a power of two the logarithm is rounded up to it.
  if (step * 4 > whole) step /= 2;
  return Math.floor(whole / step) * step;
}

function settleLevel(told: number, real: number): number {
  const isNear = told > 0 && real > 0 && real >= told * NEAR.from && real <= told * NEAR.to;
  return isNear ? told : quantise(real);
}

function settleQber(told: number | null, real: number | null): number | null {
  if (real === null) return null;
  if (told !== null && Math.abs(told - real) < QBER_NEAR) return told;
  return Math.min(0.5, Math.max(0, Math.round(real * QBER_STEPS) / QBER_STEPS));
}

/** @param told null: nothing yet, of this link */
export function settle(told: LinkState | null, real: LinkState): LinkState {
  return {
    link: real.link,
    peer: real.peer,
    availableBits: settleLevel(told?.availableBits ?? 0, real.availableBits),
    keyRateBps: settleLevel(told?.keyRateBps ?? 0, real.keyRateBps),
    qber: settleQber(told?.qber ?? null, real.qber),
  };
}

/** `set`: links or SAEs have come or gone, or a link has run dry. `level`: only levels have moved. */
export type Change = "none" | "level" | "set";

/** Of one link, from what was told to what is to be told. */
function changeOfLink(told: LinkState | undefined, next: LinkState): Change {
  if (told === undefined || told.link !== next.link || told.peer !== next.peer) return "set";
  if (next.availableBits === 0 && told.availableBits > 0) return "set";
  const isSame =
    told.availableBits === next.availableBits && told.keyRateBps === next.keyRateBps && told.qber === next.qber;
  return isSame ? "none" : "level";
}

/** Both in the order of `fitted` (own.ts). */
export function changeOf(told: OwnState, next: OwnState): Change {
  if (told.links.length !== next.links.length || told.saes.length !== next.saes.length) return "set";
  if (told.saes.some((sae, i) => sae !== next.saes[i])) return "set";
  const changes = next.links.map((link, i) => changeOfLink(told.links[i], link));
  if (changes.includes("set")) return "set";
  return changes.includes("level") ? "level" : "none";
}
