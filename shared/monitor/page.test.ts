/** docs/alarms.md has every alarm that there is, each with its severity and its times, and no other. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PROXY_ALARMS } from "../ipsec/alarms.ts";
import { POOL_ALARMS } from "../keypool/alarms.ts";
import { LIMITS } from "../limits.ts";
import { MODULE_ALARMS } from "../qkd-module/alarms.ts";
import { NODE_ALARMS } from "../relay/alarms.ts";
import { TUNNEL_ALARMS } from "../tunnel/types.ts";
import { ALARM_CODES, SEEN_ALARMS, severityOf } from "./alarm-codes.ts";
import { RULES } from "./alarm-rules.ts";

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/alarms.md"), "utf8");

/** Rows of the section's tables: the first cells. */
const rowsOf = (section: string): string[][] => {
  const text = PAGE.split("\n## ").find((each) => each.startsWith(`${section}\n`)) ?? "";
  return [...text.matchAll(/^\| `.*$/gmu)].map(([line]) => line.slice(2, -2).split(" | "));
};
const inWords = (ms: number): string => (ms >= 3600_000 ? `${ms / 3600_000} h` : `${ms / 1000} s`);

test("what the Monitor sees, with its severity and times", () => {
  const rows = rowsOf("Seen by the Monitor").map((cells) => cells.slice(0, 4));
  const rules = Object.entries(RULES).map(([code, { raiseMs, clearMs }]) => [
    `\`${code}\``,
    severityOf(code),
    inWords(raiseMs),
    inWords(clearMs),
  ]);
  expect(rows).toEqual(rules);
});

test.each([
  ["Of links and relayed pairs", { ...POOL_ALARMS, ...MODULE_ALARMS }],
  ["Of nodes that relay", NODE_ALARMS],
  ["Of IPsec hosts", PROXY_ALARMS],
  ["Of sites", TUNNEL_ALARMS],
])("%s", (section, alarms) => {
  const rows = rowsOf(section).map(([code = "", severity = ""]) => `${code} ${severity}`);
  const codes = Object.keys(alarms).map((code) => `\`${code}\` ${severityOf(code)}`);
  expect(rows.toSorted()).toEqual(codes.toSorted());
});

test("figures", () => {
  const words = PAGE.replaceAll(/\s+/gu, " ");
  expect(words).toContain(`at most ${LIMITS.alarmsCleared.toLocaleString("en")} of them`);
  expect(words).toContain(`at ${LIMITS.alarmHoldFactor} times the low watermark`);
  expect(words).toContain(
    `comes at ${100 * LIMITS.alarmQber} % and goes at ${(100 * LIMITS.alarmQber) / LIMITS.alarmHoldFactor} %`,
  );
  expect(words).toContain(`Goes after ${LIMITS.biasGoodBlocks} good blocks in a row`);
  expect(words).toContain(`less than ${LIMITS.alarmCertificateMs / (24 * 3600_000)} days`);
  expect(words).toContain(`more than ${LIMITS.agentClockSkewMs / 1000} s off`);
  expect(words).toContain(`Up to ${LIMITS.webhookQueue} wait`);
  expect(LIMITS.probeWeight).toBe(20);
  expect(ALARM_CODES).toHaveLength(new Set(ALARM_CODES).size);
  expect(ALARM_CODES).toEqual(expect.arrayContaining(Object.keys(SEEN_ALARMS)));
});
