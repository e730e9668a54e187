/**
 * Random histories of a pool against a plain model of what it should do: blocks of both ends, mismatches and repeats,
 * keys and multicasts, fetches, voids, expiry, epochs, evictions, crashes in the middle of commits, and two halves in
 * two deployments that yield units to each other. After every step the ledger adds up, no bits are given twice, nobody
 * gets a key twice or one that is not theirs, no answer is partial, and what was acknowledged is there.
 *
 * The pool is the real one over an object's real storage; only its clock and what it runs in are driven from here.
 */
import { test } from "vitest";
import { History } from "../../test/support/in-workerd-model-history.ts";
import { playAll, TIMEOUT_MS } from "../../test/support/in-workerd-model-play.ts";
import { plot } from "../../test/support/in-workerd-model-steps.ts";

test("a pool whose nodes are both here", { timeout: TIMEOUT_MS }, async () => {
  await playAll("one pool", 8500, plot, async (each, { lives, clock }) => await History.play(each, lives, clock));
});
