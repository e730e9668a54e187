/** All that a bench has measured: one set of figures, and a section of bench/results.md. Pure. */
import type { CostResult } from "../cost/measure.ts";
import { costFigures, costText } from "./cost.ts";
import type { Figures } from "./figures.ts";
import { goalsText } from "./goals.ts";
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
export interface Facts {
  readonly command: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly date: string;
}

export const figuresOf = ({ memory, scenarios, pending, cost }: Results): Figures => ({
  ...(scenarios === undefined ? {} : scenarioFigures(scenarios)),
  ...(memory === undefined ? {} : memoryFigures(memory)),
  ...(pending === undefined ? {} : pendingFigures(pending)),
  ...(cost === undefined ? {} : costFigures(cost)),
});

export function sectionOf(results: Results, { command, machine, date }: Facts): string {
  const { memory, scenarios = [], pending, cost } = results;
  const checked = (memory?.checkedKeys ?? 0) + checkedKeysOf(scenarios) + (pending?.checkedKeys ?? 0);
  return [
    `\`${command}\` on ${date}: ${machine}.`,
    "## What is to be reached",
    goalsText(figuresOf(results)),
    ...(scenarios.length === 0 ? [] : ["## Round trips", scenarioText(scenarios)]),
    ...(memory === undefined ? [] : ["## Memory", memoryText(memory)]),
    ...(pending === undefined ? [] : ["## Pending keys", pendingText(pending)]),
    ...(cost === undefined ? [] : ["## Costs", costText(cost)]),
    "## Checked meanwhile",
    `Every key equal at both ends; of ${checked.toLocaleString("en-GB")} keys no ID and no key twice; what was given out and what was delivered agree with the pools' ledgers to the bit.`,
  ].join("\n\n");
}

const BEGIN = "<!-- measured: begin -->";
const END = "<!-- measured: end -->";

/** Puts the section between its marks, in place of the one before. @throws Error when the marks are not there */
export function replaceMeasured(document: string, section: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`no "${BEGIN}" ... "${END}" in the document`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${section.trim()}\n\n${document.slice(end)}`;
}
