/**
 * Random histories of key streams against a plain model: opens and joins, chunks in any order, several calls at once and
 * waiting for key by priority, chunks given back, closing, voiding, time running out, restarts and crashes in the middle
 * of commits. After every step the ledger adds up; a chunk is the same at both ends, handed to each once, and made of key
 * that nothing else is made of; nobody overtakes one of higher priority; and in the end nothing is left.
 */
import { test } from "vitest";
import { playAll, TIMEOUT_MS } from "../../test/support/in-workerd-model-play.ts";
import { StreamsHistory, streamsPlot } from "../../test/support/in-workerd-model-streams-play.ts";

test("streams of a pool", { timeout: TIMEOUT_MS }, async () => {
  await playAll("streams", 500, streamsPlot, async (each, { lives, clock }) => {
    await StreamsHistory.play(each, lives, clock);
  });
});
