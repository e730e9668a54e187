/** A case of part 8: octets of one binding, by connections of its own. */
import type { Case, Level, Tell } from "../../case.ts";
import type { WireStage } from "../stage.ts";

export type WireCase = Case<WireStage, never>;

/** Of both applications: connections that end with the case. */
export interface Ends {
  end(): void;
}

interface Spec<E> {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly play: (ends: E, tell: Tell) => Promise<void>;
}

/** @param endsOf for each case anew */
export const wireCases =
  <E extends Ends>(endsOf: (stage: WireStage) => E) =>
  ({ play, ...rest }: Spec<E>): WireCase => ({
    ...rest,
    // No standard has octets.
    clause: "",
    run: async (stage, tell) => {
      const ends = endsOf(stage);
      try {
        await play(ends, tell);
      } finally {
        ends.end();
      }
    },
  });
