/** Of key managers with one fault each the doctor says which, by the cases that fail; of right ones it says nothing. */
import { describe, expect, test } from "vitest";
import { runSuite, SUITES } from "../../../cli/doctor/etsi004/suites.ts";
import type { Case, Outcome, Result } from "../../../cli/doctor/case.ts";
import { type Fault, FAULTS, type FaultName } from "../../support/broken-004-faults.ts";
import { Broken004 } from "../../support/broken-004.ts";
import { startBroken004, type Wire } from "../../support/broken-004-wires.ts";
import { dueCases } from "../due-cases.ts";

const IS_LONG = process.env["QKD_TEST_LONG"] !== undefined;
const LONG = new Set(["004-22", "004-27", "004-30"]);
const WIRES = ["binary", "json-tcp"] as const satisfies readonly Wire[];

const idsOf = (outcomes: readonly Outcome[], ...results: readonly Result[]): readonly string[] =>
  outcomes.filter(({ result }) => results.includes(result)).map(({ id }) => id);

/** As a report could show it. */
const formsOf = (key: Buffer): readonly string[] => [
  key.toString("hex"),
  key
    .toString("hex")
    .match(/.{1,8}/g)
    ?.join(" ") ?? "",
  key.toString("base64").replace(/=+$/, ""),
  [...key].join(","),
  [...new Int8Array(key)].join(","),
];

/** @param expected ids of cases that are not to pass */
async function examined(
  wire: Wire,
  fault: FaultName | null,
  expected: readonly string[] = [],
): Promise<readonly Outcome[]> {
  const { cases } = SUITES[wire];
  const due = dueCases<Case>({ cases, faults: Object.keys(FAULTS), long: LONG }, fault, expected);
  const ids = new Set(due.map(({ id }) => id));
  const engine = new Broken004(fault);
  const ends: (() => void)[] = [];
  const examine = async () => {
    const target = await startBroken004(wire, engine, (end) => void ends.push(end));
    return await runSuite(wire, target, (id) => ids.has(id));
  };
  const findings = await examine().finally(() => ends.forEach((end) => end()));
  const report = JSON.stringify(findings);
  const shown = [...engine.keys]
    .flatMap((hex) => formsOf(Buffer.from(hex, "hex")))
    .filter((form) => report.includes(form));
  expect(shown.length, "keys that the report shows").toBe(0);
  return findings.outcomes;
}

describe.concurrent.each(WIRES)("%s", (wire) => {
  test("without a fault all that the binding can say is as it shall be", async () => {
    const outcomes = await examined(wire, null);
    expect(outcomes.filter(({ result }) => result === "fail" || result === "note")).toEqual([]);
    const reasons = SUITES[wire].binding.reasons;
    const unsaid = SUITES[wire].cases.filter(({ needs = [] }) => needs.some((need) => Object.hasOwn(reasons, need)));
    expect(idsOf(outcomes, "skip")).toEqual(unsaid.map(({ id }) => id));
  });

  const faults = (Object.entries(FAULTS) as [FaultName, Fault][]).flatMap(([name, fault], at) => {
    const due = fault[wire];
    const other = WIRES.find((each) => each !== wire);
    // What both can have is tried on one of them in turn.
    const isTurn = IS_LONG || other === undefined || fault[other] === undefined || WIRES[at % 2] === wire;
    return due === undefined || !isTurn ? [] : [[name, due] as const];
  });
  test.each(faults)("%s", async (name, { fails, notes }) => {
    const outcomes = await examined(wire, name, [...fails, ...notes]);
    const why = outcomes
      .filter(({ result }) => result === "fail")
      .map((outcome) => `${outcome.id}: ${outcome.why.join("; ")}`);
    expect({ fails: idsOf(outcomes, "fail"), notes: idsOf(outcomes, "note") }, why.join("\n")).toEqual({
      fails,
      notes,
    });
  });
});
