import { beforeAll, expect, it } from "vitest";
import { call, errorOf, setUp } from "../../test/support/in-workerd-network.ts";

beforeAll(async () => await setUp(1));

const EPOCHS = "/api/v1/epochs";

it("tells the operator the epoch in force and which keys are there", async () => {
  const response = await call(EPOCHS, { as: "op" });
  expect(response.status).toBe(200);
  const { since, until, ...rest } = await response.json<Record<string, string>>();
  expect(rest).toMatchObject({ epoch: 4, overdue: false, kept_in: "secrets", keys: [1, 2, 4] });
  expect(Date.parse(until ?? "") - Date.parse(since ?? "")).toBe(86_400_000);
});

it("begins no epoch without a key for it, and says which to set", async () => {
  const response = await call(`${EPOCHS}/roll`, { as: "op", method: "POST" });
  expect(response.status).toBe(409);
  expect((await errorOf(response)).message).toContain("set QKD_EPOCH_KEY_5");
});

it.each(["sae-a", "agent-1"])("is none of the business of %s", async (who) => {
  expect((await call(EPOCHS, { as: who })).status).toBe(403);
  expect((await call(`${EPOCHS}/roll`, { as: who, method: "POST" })).status).toBe(403);
});
