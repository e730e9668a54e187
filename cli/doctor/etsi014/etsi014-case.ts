/** How a case of ETSI GS QKD 014 is written down: as any other, and with the keys that the pair has to have in store. */
import type { Case } from "../case.ts";
import type { Etsi014Stage, Need } from "./stage.ts";

export type Etsi014Case = Case<Etsi014Stage, Need>;

export interface Etsi014Spec extends Etsi014Case {
  /** Keys of the default size from A to B that are waited for before it begins. */
  readonly keys?: number;
}

export const casesOf = (specs: readonly Etsi014Spec[]): readonly Etsi014Case[] =>
  specs.map(({ keys = 0, ...each }) => ({
    ...each,
    run: async (stage, tell) => {
      if (keys > 0) await stage.awaitKeys(keys);
      await each.run(stage, tell);
    },
  }));
