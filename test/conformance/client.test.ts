/** `qkd doctor client` on clients: our own stands all its cases, and what others do wrong is found by those meant for it. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Outcome } from "../../cli/doctor/case.ts";
import type { Drive } from "../../cli/doctor/client/ask.ts";
import type { ClientCase } from "../../cli/doctor/client/case.ts";
import { CLIENT_CASES } from "../../cli/doctor/client/cases/cases.ts";
import { type Certificates, certificatesFor } from "../../cli/doctor/client/certificates.ts";
import { FakeKme } from "../../cli/doctor/client/fake-kme.ts";
import { ClientStage } from "../../cli/doctor/client/stage.ts";
import { runCases } from "../../cli/doctor/runner.ts";
import { BrokenClient, type ClientFault, FAULTS } from "../support/broken-clients.ts";
import { ownClient } from "../support/own-client.ts";
import { dueCases } from "./due-cases.ts";

const HOST = "127.0.0.1";
const SAE = "client-under-test";
const TIMEOUT_MS = 60_000;

let certificates: Certificates;
beforeAll(async () => {
  certificates = await certificatesFor(HOST, SAE);
});

/** Pauses take no time: a clock goes on by them, and by nothing else. */
type Pause = (ms: number) => void;

/** @param driveTo of a client that calls the KME at this URL */
async function examined(
  driveTo: (url: string, pause: Pause) => Drive,
  cases: readonly ClientCase[] = CLIENT_CASES,
): Promise<readonly Outcome[]> {
  let nowMs = 0;
  const kme = await FakeKme.start({ certificates, host: HOST, port: 0, nowMs: () => nowMs });
  const drive = driveTo(kme.url, (ms) => void (nowMs += ms));
  try {
    return await runCases(cases, new ClientStage({ kme, drive, sae: SAE, timeoutMs: TIMEOUT_MS }));
  } finally {
    await kme.stop();
  }
}

async function broken(fault: ClientFault | null, expected: readonly string[] = []): Promise<readonly Outcome[]> {
  const due = dueCases({ cases: CLIENT_CASES, faults: Object.keys(FAULTS) }, fault, expected);
  const keys = new Set<string>();
  const outcomes = await examined((url, pause) => {
    const client = new BrokenClient(fault, url, certificates, { pause, hears: (key) => void keys.add(key) });
    return async (ask, signal) => await client.make(ask, signal);
  }, due);
  const report = JSON.stringify(outcomes);
  const shown = [...keys].filter((key) => report.includes(key.slice(0, 12)));
  expect([shown.length, report.includes("[32 bytes]")], "keys that the report shows").toEqual([0, keys.size > 0]);
  return outcomes;
}

const idsThat = (outcomes: readonly Outcome[], result: Outcome["result"]): readonly string[] =>
  outcomes.filter((outcome) => outcome.result === result).map(({ id }) => id);
const whyOf = (outcomes: readonly Outcome[]): string =>
  outcomes.map(({ id, why }) => `${id}: ${why.join("; ")}`).join("\n");

describe.concurrent("clients of ETSI GS QKD 014", () => {
  test("our own", async () => {
    const outcomes = await examined((url, pause) => ownClient(url, certificates, pause));
    expect(idsThat(outcomes, "pass"), whyOf(outcomes)).toEqual(CLIENT_CASES.map(({ id }) => id));
  });

  test("one without a fault", async () => {
    const outcomes = await broken(null);
    expect(idsThat(outcomes, "pass"), whyOf(outcomes)).toEqual(CLIENT_CASES.map(({ id }) => id));
  });

  test.each(Object.entries(FAULTS))("%s", async (fault, { fails, notes }) => {
    const outcomes = await broken(fault as ClientFault, [...fails, ...notes]);
    expect({ fails: idsThat(outcomes, "fail"), notes: idsThat(outcomes, "note") }, whyOf(outcomes)).toEqual({
      fails,
      notes,
    });
  });
});
