/** Where a bench's results go: the terminal, a file of figures, its section of bench/results.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Mark, replaceMeasured } from "./report/document.ts";
import type { Figures } from "./report/figures.ts";

const RESULTS = join(import.meta.dirname, "results.md");

export interface Publication {
  readonly section: string;
  readonly figures: Figures;
  /** File for the figures. */
  readonly json: string | null;
  /** Section of bench/results.md to replace; null: of a run that measured less, which leaves that file alone. */
  readonly mark: Mark | null;
}

export function publish({ section, figures, json, mark }: Publication): void {
  console.log(`\n${section}\n`);
  for (const [name, value] of Object.entries(figures)) console.log(`${name}: ${value}`);
  if (json !== null) writeFileSync(json, `${JSON.stringify(figures, null, 2)}\n`);
  if (mark === null) return;
  writeFileSync(RESULTS, replaceMeasured(readFileSync(RESULTS, "utf8"), section, mark));
  console.log(`\nwritten to ${RESULTS}`);
}
