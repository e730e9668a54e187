import fc from "fast-check";
import { expect, test } from "vitest";
import type { MonitorAlarm } from "../api/monitor-schemas.ts";
import { isWanted, pauseMs, signatureText, signedText, webhookBody } from "./webhook.ts";

const alarm = (more: Partial<MonitorAlarm> = {}): MonitorAlarm => ({
  id: "7",
  code: "pool-low",
  severity: "warning",
  of: { kind: "link", id: "l" },
  subject: "l",
  meaning: "m",
  detail: "d",
  first: "2026-01-01T00:00:00.000Z",
  last: "2026-01-01T00:00:00.000Z",
  count: 1,
  cleared: null,
  acknowledged: null,
  ...more,
});

test("what is signed, and how the signature is written, as Standard Webhooks 1.0.0 has them", () => {
  expect(signedText("msg_1", 1_767_225_600, '{"a":1}')).toBe('msg_1.1767225600.{"a":1}');
  expect(signatureText(new Uint8Array([255, 0, 1]))).toBe("v1a,/wAB");
  expect(JSON.parse(webhookBody("alarm.raised", "2026-01-01T00:00:00.000Z", alarm(), "net"))).toEqual({
    type: "alarm.raised",
    timestamp: "2026-01-01T00:00:00.000Z",
    data: { deployment: "net", alarm: alarm() },
  });
});

test.each([
  [{ id: "w" }, alarm({ severity: "info" }), true],
  [{ id: "w", min_severity: "warning" }, alarm(), true],
  [{ id: "w", min_severity: "critical" }, alarm(), false],
  [{ id: "w", codes: ["pool-low"] }, alarm(), true],
  [{ id: "w", codes: ["pool-low"] }, alarm({ code: "pool-empty" }), false],
  [{ id: "w", codes: [] }, alarm(), false],
  [{ id: "w" }, alarm({ code: "webhook-failing", subject: "w" }), false],
  [{ id: "w" }, alarm({ code: "webhook-failing", subject: "other" }), true],
] as const)("%j wants it: %#", (webhook, of, wanted) => {
  expect(isWanted({ ...webhook, codes: "codes" in webhook ? [...webhook.codes] : undefined }, of)).toBe(wanted);
});

test("pauses grow up to half an hour, a fifth more or less, and are what the receiver asks for if that is longer", () => {
  const attempts = fc.integer({ min: 1, max: 1000 });
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(attempts, random, (count, chance) => {
      const pause = pauseMs(count, chance, null);
      expect(pause).toBeGreaterThanOrEqual(4000);
      expect(pause).toBeLessThanOrEqual(1.2 * 1_800_000);
      expect(pauseMs(count + 1, 0.5, null)).toBeGreaterThanOrEqual(pauseMs(count, 0.5, null));
    }),
  );
  expect(pauseMs(1, 0, 60)).toBe(60_000);
  expect(pauseMs(6, 0, 60)).toBe(1_440_000);
  expect(pauseMs(1, 0, 999_999)).toBe(1_800_000);
});
