import type { Binding, Capability } from "../application.ts";
import type { Stage } from "../stage.ts";

/** M: from the standard's text, R: recommended, X: robustness. */
export type Level = "M" | "R" | "X";

/** In which state the link between the two applications has to be. */
export type Place = "served" | "drained" | "cut";

export interface Case {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly place?: Place;
  /** Without these the case says nothing of a binding. */
  readonly needs: readonly Capability[];
  /** What is left out of it where a binding has none. */
  readonly uses?: readonly Capability[];
  run(stage: Stage): Promise<void>;
}

/** What of this a binding cannot do. */
export const lacking = ({ can }: Binding, wanted: readonly Capability[] = []): readonly Capability[] =>
  wanted.filter((capability) => !can.has(capability));

export const isRun = (binding: Binding, { needs }: Case): boolean => lacking(binding, needs).length === 0;
