import { expect, test } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { BoundedLog } from "./bounded-log.ts";

function bench() {
  const clock = { nowMs: 0 };
  const lines: { reason: string; request_id?: string; suppressed?: number }[] = [];
  const log = new BoundedLog(
    (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
    () => clock.nowMs,
  );
  const refuse = (reason: string, request_id = "r") =>
    log.note({ level: "warn", event: "unauthorised", reason, fields: { request_id } });
  return { clock, lines, refuse, log };
}

test("so many lines a kind and minute, with the count of those left out", () => {
  const { clock, lines, refuse } = bench();
  for (let count = 0; count < LIMITS.logLinesAMinute + 2; count++) refuse("token revoked", `r-${count}`);
  refuse("no credentials");
  expect(lines.map(({ reason }) => reason)).toEqual([
    ...Array.from({ length: LIMITS.logLinesAMinute }, () => "token revoked"),
    "no credentials",
  ]);
  clock.nowMs = 60_000;
  refuse("token revoked", "later");
  refuse("token revoked");
  expect(lines.at(-2)).toEqual({
    at: "1970-01-01T00:01:00.000Z",
    level: "warn",
    event: "unauthorised",
    reason: "token revoked",
    request_id: "later",
    suppressed: 2,
  });
  expect(lines.at(-1)).not.toHaveProperty("suppressed");
});

test("however many kinds there are, the lines are bounded", () => {
  const { lines, refuse, log } = bench();
  for (let n = 0; n < 1000; n++) refuse(`unreadable at character ${n}`);
  expect(lines).toHaveLength(64 + LIMITS.logLinesAMinute);
  expect(lines.at(-1)?.reason).toBe("another reason");
  // Nor do they hide what is of another event.
  log.note({ level: "error", event: "refused", reason: "putNetwork: 500" });
  expect(lines.at(-1)?.reason).toBe("putNetwork: 500");
});
