/** A case of part 7: what any binding has to do. */
import { LIMITS } from "../../../../shared/limits.ts";
import type { Case } from "../../case.ts";
import type { Binding, Capability } from "../application.ts";
import { Scene } from "../scene.ts";
import type { Place, Stage004 } from "../stage.ts";

/** Where the user's commands take part: twice theirs, and what is done in between. */
export const COMMANDS_MS = 2 * LIMITS.doctorCommandMs + LIMITS.doctorCaseMs;

/** A capability of the binding, two other applications, or a state of the link. */
export type Need = Capability | "others" | Place;

export interface SemanticCase extends Case<Stage004, Need> {
  readonly needs: readonly Need[];
  /** What is left out of it where a binding has none. */
  readonly uses?: readonly Capability[];
}

/** @param play what it does in a scene of its own */
export const semantic = ({
  play,
  ...rest
}: Omit<SemanticCase, "run"> & { readonly play: (scene: Scene) => Promise<void> }): SemanticCase => ({
  ...rest,
  run: async (stage, tell) => {
    const scene = new Scene(stage, tell);
    try {
      await play(scene);
    } finally {
      scene.end();
    }
  },
});

/** What of this a binding cannot do. */
export const lacking = ({ reasons }: Binding, wanted: readonly Need[] = []): readonly Capability[] =>
  wanted.filter((need): need is Capability => Object.hasOwn(reasons, need));
