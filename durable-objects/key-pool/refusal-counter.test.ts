import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { RefusalCounter } from "./refusal-counter.ts";

test("the first refusal is told at once, those after it together once the pause is over", () => {
  const counter = new RefusalCounter();
  expect(counter.count("sae-a", "fair_share", 0)).toBe(1);
  for (let ms = 1; ms <= 10; ms++) expect(counter.count("sae-a", "fair_share", ms)).toBe(0);
  expect(counter.count("sae-b", "fair_share", 10)).toBe(1);
  expect(counter.count("sae-a", "pool_share", 10)).toBe(1);
  expect(counter.count("sae-a", "fair_share", LIMITS.refusalAuditMs)).toBe(11);
  expect(counter.count("sae-a", "fair_share", LIMITS.refusalAuditMs + 1)).toBe(0);
});
