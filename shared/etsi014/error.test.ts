import { expect, test } from "vitest";
import { fault } from "../errors/errors.ts";
import { errorObject } from "./error.ts";

test("what keeps a relay from a key is told by its code too", () => {
  expect(errorObject(fault("link-budget", "a-b has no more"))).toEqual({ message: "link-budget: a-b has no more" });
  const cut = fault("no-path", "no path to n4", [{ missing: "link n3-n4" }]);
  expect(errorObject(cut)).toEqual({ message: "no-path: no path to n4", details: [{ missing: "link n3-n4" }] });
});

test("other messages are as the standard or the fault has them", () => {
  expect(errorObject(fault("not-enough-keys", "not enough keys available"))).toEqual({
    message: "not enough keys available",
  });
});
