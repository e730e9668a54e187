import type { NodeId } from "../ids.ts";

type NodePath = readonly NodeId[];

/** Of paths that are not disjoint. */
export const SHARED_BETWEEN = "the shares of a key share no node between its ends";

/** Whether no node but the ends, and no link, is on both: so nobody between has both of two shares. */
export function areDisjoint(a: NodePath, b: NodePath): boolean {
  const between = new Set(a.slice(1, -1));
  // With nodes between they differ in their links too; without, both are the one link of the two ends.
  return (between.size > 0 || b.length > 2) && !b.slice(1, -1).some((node) => between.has(node));
}

/** As `areDisjoint`, of each two of them. */
export const areAllDisjoint = (paths: readonly NodePath[]): boolean =>
  paths.every((path, at) => paths.slice(at + 1).every((other) => areDisjoint(path, other)));
