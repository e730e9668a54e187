/** Every case of ETSI GS QKD 014 that `qkd doctor` has, against our own network: all are run, and all pass. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ETSI014_CASES } from "../../cli/doctor/etsi014/cases.ts";
import type { Etsi014Case } from "../../cli/doctor/etsi014/etsi014-case.ts";
import { Etsi014Stage, type Given, type Need } from "../../cli/doctor/etsi014/stage.ts";
import { runCase } from "../../cli/doctor/runner.ts";
import { LIFETIME_MS, type Place, type Rig, startRig } from "./rig.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => await rig?.stop());

async function mustPass(each: Etsi014Case, given: Given): Promise<void> {
  const run = async () => await runCase(each, new Etsi014Stage(given));
  const hasLifetime = each.needs?.includes("lifetime") === true;
  const outcome = hasLifetime ? await rig.withPolicy({ key_ttl_s: LIFETIME_MS / 1000 }, run) : await run();
  const { result, why, exchanges } = outcome;
  expect({ result, why: result === "pass" ? [] : why }, JSON.stringify(exchanges.slice(-3), null, 2)).toEqual({
    result: "pass",
    why: [],
  });
}

const needs = (each: Etsi014Case, ...some: readonly Need[]): boolean =>
  each.needs?.some((need) => some.includes(need)) === true;
/** What is consumed is seen only where nothing comes in: these are run with the pair that stands still. */
const isStill = (each: Etsi014Case): boolean =>
  needs(each, "paused", "drain", "lifetime") || ["014-E16", "014-M06"].includes(each.id);

const AT_THE_SLAVES: Place = ["sae-c2", "tn-2"];
const AT_THE_MASTERS: Place = ["sae-a2", "tn-1"];
const ELSEWHERE: Place = ["sae-b", "tn-4"];
const THIRDS: Readonly<Record<string, readonly [third: Place, fourth: Place]>> = {
  "at the slave's node": [AT_THE_SLAVES, ELSEWHERE],
  "at the master's node": [AT_THE_MASTERS, AT_THE_SLAVES],
  elsewhere: [ELSEWHERE, AT_THE_MASTERS],
};

const lively = ETSI014_CASES.filter((each) => !isStill(each));

describe("ETSI GS QKD 014", () => {
  test.each(lively.filter((each) => !needs(each, "third")))("$id $title", async (each) => {
    await mustPass(each, rig.given(AT_THE_SLAVES, ELSEWHERE));
  });
});

describe.each(Object.entries(THIRDS))("ETSI GS QKD 014, the third SAE %s", (_where, [third, fourth]) => {
  test.each(lively.filter((each) => needs(each, "third")))("$id $title", async (each) => {
    await mustPass(each, rig.given(third, fourth));
  });
});

describe("ETSI GS QKD 014, no new key coming in", () => {
  test.each(ETSI014_CASES.filter(isStill))("$id $title", async (each) => await mustPass(each, rig.givenStill()));
});
