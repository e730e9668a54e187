/** The README's curl lines do what it says. (Under `npm run dev`: see dev.test.ts.) */
import { afterAll, beforeAll, expect, test } from "vitest";
import { runReadmeBlock } from "../support/readme.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork();
});
afterAll(() => network.stop());

test.each([
  ["by certificate", "--cacert"],
  ["by token", "bearer()"],
])("a first key %s: one container, the same at both ends", (_how, mark) => {
  const [given = "", fetched, ...more] = runReadmeBlock(mark, network);
  expect(given).toMatch(/^\{"keys":\[\{"key_ID":"[0-9a-f-]{36}","key":"[A-Za-z0-9+/]{43}="/);
  expect(fetched === given).toBe(true);
  expect(more).toEqual([]);
});
