import { XMLParser, XMLValidator } from "fast-xml-parser";
import { expect, test } from "vitest";
import type { Findings, Outcome, Result } from "../case.ts";
import { htmlReport } from "./html.ts";
import { jsonReport } from "./json.ts";
import { junitReport } from "./junit.ts";
import { outcomeLines, summaryLine } from "./text.ts";

const EVIL = "<script>\"&'\u0000]]>";
const outcome = (id: string, result: Result, why: readonly string[] = []): Outcome => ({
  id,
  level: id.startsWith("R") ? "R" : "M",
  clause: "5.3",
  title: `title of ${EVIL}`,
  result,
  why,
  exchanges: result === "skip" ? [] : [{ who: "sae-a", sent: "GET /", received: `HTTP 200\n${EVIL}` }],
  ms: 12.5,
});
const findings: Findings = {
  suite: "ETSI GS QKD 014",
  targets: ["https://one", "https://two"],
  at: "2026-11-22T14:00:00.000Z",
  outcomes: [
    outcome("M1", "pass"),
    outcome("M2", "fail", [EVIL, "and more"]),
    outcome("R3", "note", ["odd"]),
    outcome("M4", "skip", ["--third"]),
  ],
};

test("text: a line a case, its reasons, the calls of those that failed", () => {
  const lines = findings.outcomes.map((each) => outcomeLines(each));
  expect(lines.map(([first = ""]) => first.slice(0, 7))).toEqual(["pass M1", "FAIL M2", "note R3", "skip M4"]);
  expect(lines.map((each) => each.length)).toEqual([1, 7, 2, 2]);
  expect(summaryLine(findings)).toBe(
    "ETSI GS QKD 014: 1 passed, 1 failed, 1 with a note, 1 not run (of what the standard requires, 1 of 2)",
  );
});

test("text: of many calls the last are shown, and where the others are", () => {
  const exchanges = ["GET /1", "GET /2", "GET /3"].map((sent) => ({ who: "sae-a", sent, received: "HTTP 200" }));
  const text = outcomeLines({ ...outcome("M2", "fail"), exchanges }).join("\n");
  expect(text).toContain("the last 2 of 3 calls; those before are in --json and --html");
  expect([text.includes("GET /1"), text.includes("GET /2"), text.includes("GET /3")]).toEqual([false, true, true]);
});

test("JSON: everything", () => {
  expect(JSON.parse(jsonReport(findings))).toMatchObject({
    suite: "ETSI GS QKD 014",
    counts: { pass: 1, fail: 1, note: 1, skip: 1 },
    cases: [{ id: "M1" }, { id: "M2", why: [EVIL, "and more"] }, {}, { exchanges: [] }],
  });
});

test("JUnit: valid XML, whose counts are those of its cases", () => {
  const xml = junitReport(findings);
  expect(XMLValidator.validate(xml)).toBe(true);
  const parser = new XMLParser({ ignoreAttributes: false, isArray: (name) => name === "testcase" });
  const { testsuites } = parser.parse(xml) as {
    testsuites: { testsuite: Record<string, unknown> & { testcase: readonly Record<string, unknown>[] } };
  };
  const { testsuite } = testsuites;
  expect(testsuite).toMatchObject({ "@_tests": "4", "@_failures": "1", "@_errors": "0", "@_skipped": "1" });
  expect(testsuite.testcase.filter((each) => "failure" in each)).toHaveLength(1);
  expect(testsuite.testcase.filter((each) => "skipped" in each)).toHaveLength(1);
  expect(testsuite.testcase[2]).toMatchObject({ "system-out": "note: odd" });
});

test("HTML: whatever was answered is text", () => {
  const html = htmlReport(findings);
  expect(html).not.toContain("<script>");
  expect(html.match(/<details class="fail" open>/g)).toHaveLength(1);
  expect(html).toContain("&lt;script&gt;&quot;&amp;&#39;\uFFFD]]&gt;");
});
