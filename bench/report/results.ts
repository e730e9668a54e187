/** All that a bench has measured: one set of figures, and a section of bench/results.md. Pure. */
import type { CostResult } from "../cost/measure.ts";
import { costFigures, costText } from "./cost.ts";
import { type Facts, factsText } from "./document.ts";
import type { Figures } from "./figures.ts";
import { GOALS, goalsText } from "./goals.ts";
import { type FlatMemory, memoryFigures, memoryText } from "./memory.ts";
import { pendingFigures, type PendingResult, pendingText } from "./pending.ts";
import { checkedKeysOf, scenarioFigures, type ScenarioResult, scenarioText } from "./scenarios.ts";

/** What was not measured is absent. */
export interface Results {
  memory?: FlatMemory;
  scenarios?: readonly ScenarioResult[];
  pending?: PendingResult;
  cost?: CostResult;
}

export const figuresOf = ({ memory, scenarios, pending, cost }: Results): Figures => ({
  ...(scenarios === undefined ? {} : scenarioFigures(scenarios)),
  ...(memory === undefined ? {} : memoryFigures(memory)),
  ...(pending === undefined ? {} : pendingFigures(pending)),
  ...(cost === undefined ? {} : costFigures(cost)),
});

export function sectionOf(results: Results, facts: Facts): string {
  const { memory, scenarios = [], pending, cost } = results;
  const checked = (memory?.checkedKeys ?? 0) + checkedKeysOf(scenarios) + (pending?.checkedKeys ?? 0);
  return [
    factsText(facts),
    "## What is to be reached",
    goalsText(GOALS, figuresOf(results)),
    ...(scenarios.length === 0 ? [] : ["## Round trips", scenarioText(scenarios)]),
    ...(memory === undefined ? [] : ["## Memory", memoryText(memory)]),
    ...(pending === undefined ? [] : ["## Pending keys", pendingText(pending)]),
    ...(cost === undefined ? [] : ["## Costs", costText(cost)]),
    "## Checked meanwhile",
    `Every key equal at both ends; of ${checked.toLocaleString("en-GB")} keys no ID and no key twice; what was given out and what was delivered agree with the pools' ledgers to the bit.`,
  ].join("\n\n");
}
