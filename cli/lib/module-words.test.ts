import { expect, test } from "vitest";
import type { ModuleReport } from "../../shared/qkd-module/status.ts";
import { moduleBody } from "../../shared/qkd-module/body.ts";
import { fakeReport } from "../../shared/qkd-module/parts.ts";
import type { ModuleAnswer } from "../../shared/qkd-module/rpc.ts";
import { describeModule, qkdCells } from "./module-words.ts";

const RELEASED: ModuleReport = {
  ...fakeReport(7, 2500, 0, 4000),
  sim: "bb84",
  authentication: "wegman-carter",
  pulses: 40_000_000,
  detections: 204_000,
  siftedKeyBits: 100_000,
  qberX: 0.0102,
  qberZ: 0.0098,
  leakBits: 8600,
  correctionEfficiency: 1.06,
};

const bodyOf = (report: ModuleReport, alarms: ModuleAnswer["alarms"] = []) =>
  moduleBody({
    node: "tn-1" as ModuleAnswer["node"],
    status: {
      role: "sender",
      sim: report.sim,
      state: "idle",
      block: report.block,
      totals: { released: 7, aborted: 0, siftedBits: 700_000, keyBits: 140_000 },
      reports: [report],
      finishedBlocks: 0,
      unsettledBlocks: 0,
      authenticationSlots: 8,
    },
    alarms,
  });

test("QBER of the key basis, and the secret key rate", () => {
  expect(qkdCells({ module: [bodyOf(RELEASED)] })).toEqual(["1.02 %", "5,000"]);
  expect(describeModule(bodyOf(RELEASED)).join("\n")).toContain(
    "QBER 1.02 % in the key basis, 0.98 % in the test basis",
  );
});

test("a block that was given up early has the test basis's QBER, its reason and its alarm", () => {
  const given: ModuleReport = { ...RELEASED, outcome: "aborted", reason: "qber-above-bound", qberX: null, qberZ: 0.13 };
  const alarm = { code: "qber-above-bound", subject: "tn-1", firstMs: 0, lastMs: 0, count: 1, detail: "" } as const;
  const body = bodyOf({ ...given, keyBits: 0, keyRateBps: 0 }, [alarm]);
  expect(qkdCells({ module: [body] })).toEqual(["13.00 %", "0"]);
  const text = describeModule(body).join("\n");
  expect(text).toContain("last block 7: aborted, qber-above-bound");
  expect(text).toContain("ALARM qber-above-bound");
});

test("fake keys have no QBER; a module that does not run has nothing", () => {
  expect(qkdCells({ module: [bodyOf(fakeReport(1, 4096, 0, 1000))] })).toEqual(["-", "32,768"]);
  expect(qkdCells({})).toEqual(["-", "-"]);
  const stopped = moduleBody({ node: "tn-2" as ModuleAnswer["node"], status: null, alarms: [] });
  expect(describeModule(stopped)).toEqual(["  QKD module at tn-2: does not run (yet)"]);
});
