/** The doctor examined: a KME that does everything right passes, and each thing that one does wrong is found by its cases. */
import { beforeAll, expect, test } from "vitest";
import type { Outcome } from "../../cli/doctor/case.ts";
import { ETSI014_CASES } from "../../cli/doctor/etsi014/cases.ts";
import { Etsi014Stage, type Given } from "../../cli/doctor/etsi014/stage.ts";
import { runCase } from "../../cli/doctor/runner.ts";
import { type Certificates, type ClientName, makeCertificates } from "../support/broken-kme-certificates.ts";
import { FAULTS, type FaultName } from "../support/broken-kme-faults.ts";
import { BrokenKme } from "../support/broken-kme.ts";
import { dueCases } from "./due-cases.ts";

/** Of the one case that waits for it; the others' keys never get old. */
const LIFETIME_MS = 50;

const LONG = new Set(["E22", "E23", "E24", "E30", "E32", "D18", "D20"].map((id) => `014-${id}`));

let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
});

function given(kme: BrokenKme): Given {
  const party = (sae: ClientName, site: 1 | 2) => ({ sae, kme: kme.url(site), identity: certificates.clients[sae] });
  return {
    ca: certificates.ca,
    A: party("sae-a", 1),
    B: party("sae-c", 2),
    C: party("sae-c2", 2),
    D: party("sae-a2", 1),
    unregistered: certificates.clients.nobody,
    expired: certificates.clients.expired,
    oddSae: "sae://odd/ü %41?#..",
    unmet: [{ route: "direct" }],
    restart: async () => await kme.restart(),
    lifetimeMs: LIFETIME_MS,
    mayDrain: true,
    isPaused: true,
    waitMs: 0,
    syncMs: 0,
  };
}

/** @param expected ids of cases that are not to pass */
async function examine(fault?: FaultName, expected: readonly string[] = []): Promise<readonly Outcome[]> {
  const due = { cases: ETSI014_CASES, faults: Object.keys(FAULTS), long: LONG };
  const cases = dueCases(due, fault ?? null, expected);
  const kme = await BrokenKme.start(certificates, fault);
  const outcomes: Outcome[] = [];
  try {
    const stage = new Etsi014Stage(given(kme));
    for (const each of cases) {
      kme.store.lifetimeMs = each.needs?.includes("lifetime") === true ? LIFETIME_MS : Number.POSITIVE_INFINITY;
      outcomes.push(await runCase(each, stage));
    }
  } finally {
    await kme.stop();
  }
  return outcomes;
}

const idsThat = (outcomes: readonly Outcome[], result: Outcome["result"]): readonly string[] =>
  outcomes
    .filter((outcome) => outcome.result === result)
    .map(({ id }) => id)
    .toSorted();

test("without a fault every case passes", async () => {
  const outcomes = await examine();
  expect(outcomes.filter(({ result }) => result !== "pass").map(({ id, why }) => [id, why])).toEqual([]);
  expect(outcomes).toHaveLength(83);
});

test.each(Object.entries(FAULTS))("%s", async (fault, { fails, notes = [] }) => {
  const outcomes = await examine(fault as FaultName, [...fails, ...notes]);
  const found = { fails: idsThat(outcomes, "fail"), notes: idsThat(outcomes, "note") };
  expect(found).toEqual({ fails: fails.toSorted(), notes: notes.toSorted() });
});
