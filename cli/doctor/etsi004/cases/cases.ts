/** Part 7 of the list of black-box cases: what any binding has to do. */
import type { SemanticCase } from "./case.ts";
import { CLOSE_CASES } from "./close.ts";
import { GET_KEY_CASES } from "./get-key.ts";
import { OPEN_CASES } from "./open.ts";

export const CASES: readonly SemanticCase[] = [...OPEN_CASES, ...GET_KEY_CASES, ...CLOSE_CASES].toSorted((x, y) =>
  x.id < y.id ? -1 : 1,
);
