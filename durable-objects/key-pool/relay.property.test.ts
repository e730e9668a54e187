/**
 * Random histories of a link that carries relays: hops drawn by either node and taken by the other, rightly and wrongly,
 * beside keys, streams and multicast, with voids, time running out, restarts and crashes in the middle of commits. After
 * every step the ledger adds up, no bit was given out twice, a hop's bits were taken once, relays have left what they
 * must, and in the end the audit log knows of every draw, or of the run that went with it in a crash.
 */
import { test } from "vitest";
import { playAll, TIMEOUT_MS } from "../../test/support/in-workerd-model-play.ts";
import { RelayHistory } from "../../test/support/in-workerd-relay-play.ts";
import { relayPlot } from "../../test/support/in-workerd-relay-plot.ts";

test("relays over a link", { timeout: TIMEOUT_MS }, async () => {
  await playAll("relays", 300, relayPlot, async (each, { lives, clock }) => {
    await RelayHistory.play(each, lives, clock);
  });
});
