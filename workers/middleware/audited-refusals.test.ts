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

it("callers that nobody knows do not hide what others have tried, nor does what is over", () => {
  let nowMs = 1000;
  const refusals = new AuditedRefusals(() => nowMs);
  const noise = (n: number) => refusals.note({ ...refusal, who: "unknown", reason: `at character ${n}` });
  // Twice, so that of each kind something is left to be told.
  for (let n = 0; n < 600; n++) noise(n % 300);
  expect(refusals.note(refusal)).toMatchObject({ who: "sae:a", detail: { operation: "getAudit" } });
  nowMs += LIMITS.refusalAuditMs;
  expect(noise(300)).toMatchObject({ detail: { reason: "at character 300", times: 1 } });
  const later = Array.from({ length: 299 }, (_, n) => noise(301 + n)).find(
    (event) => event?.detail["operation"] === "others",
  );
  // Of the 600 before 257 were told at once; and the first of now.
  expect(later?.detail["times"]).toBe(600 - 257 + 1);
});
