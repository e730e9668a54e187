/**
 * The ledger: every bit that ever entered a pool is in exactly one state. *Conservation*: the bits that entered equal
 * the sum over the states, at every moment.
 */
import { BIT_STATES, type BitState, type Ledger } from "./types.ts";

export const EMPTY_LEDGER: Ledger = Object.fromEntries(BIT_STATES.map((state) => [state, 0])) as Record<
  BitState,
  number
>;

/** Bits that change state together; a negative or fractional count is a defect of the caller. */
export function moveBits(ledger: Ledger, from: BitState, to: BitState, bits: number): Ledger {
  if (!Number.isSafeInteger(bits) || bits < 0 || ledger[from] < bits) {
    throw new RangeError(`cannot move ${bits} bits from ${from} (${ledger[from]}) to ${to}`);
  }
  return from === to ? ledger : { ...ledger, [from]: ledger[from] - bits, [to]: ledger[to] + bits };
}

/** Bits that enter the pool, or (negative) leave it for a sibling shard. */
export function enterBits(ledger: Ledger, to: BitState, bits: number): Ledger {
  if (!Number.isSafeInteger(bits) || ledger[to] + bits < 0) throw new RangeError(`cannot enter ${bits} bits as ${to}`);
  return { ...ledger, [to]: ledger[to] + bits };
}

export const sumOfLedger = (ledger: Ledger): number => BIT_STATES.reduce((sum, state) => sum + ledger[state], 0);
