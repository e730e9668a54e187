/**
 * Which of a pair's two nodes a unit belongs to. Both halves of a pool must come to the same answer, so it depends on
 * the block and the unit's place in it alone: even units belong to the node with the lower id, odd ones to the other.
 */
import type { NodeId, Pair } from "../ids.ts";
import { LIMITS } from "../limits.ts";

/**
 * @param offset where the unit begins, in bytes, in what keys of its block are cut from; units have LIMITS.unitBytes,
 *   but the last one of a block, which may be shorter, so this is the same at both ends however a block was conditioned
 */
export const ownerOfUnit = ({ low, high }: Pair, offset: number): NodeId =>
  (offset / LIMITS.unitBytes) % 2 === 0 ? low : high;

/** A unit's first byte: the one at `offset` is in it. */
export const unitOffsetOf = (offset: number): number => offset - (offset % LIMITS.unitBytes);
