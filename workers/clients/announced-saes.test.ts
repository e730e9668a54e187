/** What a Worker takes to be announced: asked once a second, and never from what failed. */
import { expect, test } from "vitest";
import type { NodeId, SaeId } from "../../shared/ids.ts";
import { LIMITS } from "../../shared/limits.ts";
import { fail } from "../../shared/errors/errors.ts";
import { ok } from "../../shared/result.ts";
import { AnnouncedSaes } from "./announced-saes.ts";

const [N1, N2, X] = ["n1", "n2", "x"] as [NodeId, NodeId, NodeId];
const SAE = "sae-x" as SaeId;

test("is asked for again when a second is over, of each node apart", async () => {
  let nowMs = 1000;
  let asked = 0;
  const announced = new AnnouncedSaes(() => nowMs);
  const ask = async () => ok(asked++ === 0 ? X : null);
  expect(await announced.nodeOf(N1, SAE, ask)).toEqual(ok(X));
  nowMs += LIMITS.announcedMs - 1;
  expect([await announced.nodeOf(N1, SAE, ask), asked]).toEqual([ok(X), 1]);
  expect([await announced.nodeOf(N2, SAE, ask), asked]).toEqual([ok(null), 2]);
  nowMs += 1;
  expect([await announced.nodeOf(N1, SAE, ask), asked]).toEqual([ok(null), 3]);
});

test("a node that does not answer is asked anew, and no more are remembered than there is room for", async () => {
  const announced = new AnnouncedSaes(() => 0);
  let asked = 0;
  const ask = async () => {
    asked += 1;
    return ok(X);
  };
  expect((await announced.nodeOf(N1, SAE, async () => fail("unavailable", "away"))).ok).toBe(false);
  await announced.nodeOf(N1, SAE, ask);
  for (let i = 0; i < LIMITS.announcedSaes; i++) await announced.nodeOf(N1, `sae-${i}` as SaeId, ask);
  await announced.nodeOf(N1, SAE, ask);
  expect(asked).toBe(LIMITS.announcedSaes + 2);
});
