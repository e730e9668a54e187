import { expect, it } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { AuditedRefusals } from "./audited-refusals.ts";

const refusal = { who: "sae:a", operation: "getAudit", code: "forbidden", reason: "you may not do this" };

it("tells the first of a kind at once, and the others with one a minute", () => {
  let nowMs = 1000;
  const refusals = new AuditedRefusals(() => nowMs);
  expect(refusals.note(refusal)).toMatchObject({ act: "access.refused", who: "sae:a", detail: { times: 1 } });
  for (let i = 0; i < 5; i++) expect(refusals.note(refusal)).toBeNull();
  expect(refusals.note({ ...refusal, who: "unknown" })).toMatchObject({ who: "unknown", node: "deployment" });
  nowMs += LIMITS.refusalAuditMs;
  expect(refusals.note(refusal)).toMatchObject({ atMs: nowMs, detail: { operation: "getAudit", times: 6 } });
});

it("keeps a bounded number of kinds apart, and forgets those that are told", () => {
  let nowMs = 1000;
  const refusals = new AuditedRefusals(() => nowMs);
  const told = Array.from({ length: 1000 }, (_, n) => refusals.note({ ...refusal, who: `sae:${n}` }));
  const events = told.filter((event) => event !== null);
  expect(events).toHaveLength(257);
  expect(events.at(-1)).toMatchObject({ who: "unknown", detail: { operation: "others", times: 1 } });
  nowMs += LIMITS.refusalAuditMs;
  expect(refusals.note({ ...refusal, who: "sae:new" })).toMatchObject({ who: "sae:new" });
});
