import { expect, onTestFinished, test } from "vitest";
import { KemsBusy } from "../../shared/kem/kem.ts";
import { LIMITS } from "../../shared/limits.ts";
import { Threads } from "./threads.ts";

test("however many wait for key pairs of Classic McEliece, there is room for others", async () => {
  const threads = new Threads();
  onTestFinished(async () => await threads.close());
  const reasons: unknown[] = [];
  for (let at = 0; at < LIMITS.kemQueue + 50; at++) {
    void threads
      .run({ kind: "generate", name: "Classic-McEliece-8192128" })
      .catch((thrown: unknown) => void reasons.push(thrown));
  }
  const other = await threads.run({ kind: "generate", name: "FrodoKEM-640-SHAKE" });
  expect(other).toMatchObject({ ok: true });
  expect(reasons.length).toBeGreaterThan(LIMITS.kemQueue / 2);
  expect(reasons.every((reason) => reason instanceof KemsBusy)).toBe(true);
});
