/** Which case runs over which binding, as shared/etsi004/README.md has it: every cell of it is a run, or has a reason. */
import type { Case } from "../../../cli/doctor/case.ts";
import type { Binding, Capability } from "../../../cli/doctor/etsi004/application.ts";
import { lacking, type SemanticCase } from "../../../cli/doctor/etsi004/cases/case.ts";

export interface Cell {
  readonly binding: Binding;
  readonly each: SemanticCase;
  /** Capabilities for want of which it does not run. */
  readonly missing: readonly Capability[];
  /** Capabilities for want of which a part of it is left out. */
  readonly without: readonly Capability[];
}

export const cellsOf = (bindings: readonly Binding[], cases: readonly SemanticCase[]): readonly Cell[] =>
  cases.flatMap((each) =>
    bindings.map((binding) => {
      const missing = lacking(binding, each.needs);
      return { binding, each, missing, without: missing.length > 0 ? [] : lacking(binding, each.uses) };
    }),
  );

const told = (cells: readonly Cell[], which: "missing" | "without"): string =>
  [
    ...new Set(
      cells.filter((cell) => cell[which].length > 0).map((cell) => `${cell.binding.name} (${cell[which].join(", ")})`),
    ),
  ].join("; ");

/** Rows of Markdown, a case each: id, level, what it does, where it does not run, where only in part. */
export const caseRows = (bindings: readonly Binding[], cases: readonly SemanticCase[]): readonly string[] =>
  cases.map((each) => {
    const cells = cellsOf(bindings, [each]);
    return `| ${each.id} | ${each.level} | ${each.title} | ${told(cells, "missing")} | ${told(cells, "without")} |`;
  });

/** Rows of Markdown, a reason each. */
export const reasonRows = (bindings: readonly Binding[]): readonly string[] => [
  ...new Set(
    bindings.flatMap((binding) =>
      Object.entries(binding.reasons).map(([capability, reason]) => `| ${binding.name} | ${capability} | ${reason} |`),
    ),
  ),
];

/** Rows of Markdown, a case of one binding each. */
export const ownRows = (cases: readonly Case[]): readonly string[] =>
  cases.map(({ id, level, title }) => `| ${id} | ${level} | ${title} |`);
