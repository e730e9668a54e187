import { afterEach, expect, test, vi } from "vitest";
import { fault } from "../../shared/errors/errors.ts";
import { err, ok } from "../../shared/result.ts";
import type { Env } from "../env.ts";
import { respondFault, respondUnexpected } from "../middleware/respond.ts";
import { beginVisit } from "../telemetry/visit.ts";
import { answerOf } from "./key-pool.ts";

afterEach(() => vi.restoreAllMocks());

test("an object that throws is for the client to retry: 503 with Retry-After, never 500", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const answer = await answerOf(async () => await Promise.reject(new Error("Durable Object is overloaded")));
  expect(answer).toMatchObject({ ok: false, error: { code: "unavailable" } });
  if (answer.ok) return;
  const response = respondFault(answer.error);
  expect([response.status, response.headers["Retry-After"]]).toEqual([503, "1"]);
  expect(log).toHaveBeenCalledOnce();
});

test("an object's own answers pass unchanged", async () => {
  expect(await answerOf(async () => await Promise.resolve(ok(1)))).toEqual(ok(1));
  const refusal = err({ ...fault("rate-limited", "slower"), retryAfterSeconds: 7 });
  expect(await answerOf(async () => await Promise.resolve(refusal))).toEqual(refusal);
  expect(respondFault(refusal.error).headers["Retry-After"]).toBe("7");
});

test("what nobody expected is told to the log, not to the client", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => undefined);
  const response = respondUnexpected(
    new Error("secret detail"),
    beginVisit(new Request("https://edge.test/x"), {} as Env),
  );
  expect([response.status, response.body]).toEqual([500, JSON.stringify({ message: "key data access error" })]);
  expect(log.mock.calls.join()).toContain("secret detail");
});
