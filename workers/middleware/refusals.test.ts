import { expect, test } from "vitest";
import { Refusals } from "./refusals.ts";

function bench() {
  const clock = { nowMs: 0 };
  const lines: { reason: string; suppressed?: number }[] = [];
  const refusals = new Refusals(
    (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
    () => clock.nowMs,
  );
  return { clock, lines, refusals };
}

test("a line a reason and minute, with the count of those left out", () => {
  const { clock, lines, refusals } = bench();
  for (const reason of ["token revoked", "token revoked", "no credentials", "token revoked"]) refusals.note(reason);
  expect(lines.map(({ reason }) => reason)).toEqual(["token revoked", "no credentials"]);
  clock.nowMs = 60_000;
  refusals.note("token revoked");
  expect(lines.at(-1)).toEqual({
    at: "1970-01-01T00:01:00.000Z",
    level: "warn",
    event: "unauthorised",
    reason: "token revoked",
    suppressed: 2,
  });
});

test("however many reasons there are, the lines are bounded", () => {
  const { lines, refusals } = bench();
  for (let n = 0; n < 1000; n++) refusals.note(`unreadable at character ${n}`);
  expect(lines).toHaveLength(65);
  expect(lines.at(-1)?.reason).toBe("another reason");
});
