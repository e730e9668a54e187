import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockId, NodeId, PairName, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { Announcement, HalfBatch } from "./half.ts";
import { flawOfMessage, flawOfBatch } from "./half-checks.ts";

const sender = { pair: "n-1|n-2" as PairName, shard: 3, from: "n-1" as NodeId };
const batch: HalfBatch = { ...sender, generation: 1, settled: 4, messages: [], wantBytes: 0 };
const announcement: Announcement = {
  kind: "announce",
  use: "key",
  record: 7,
  nonce: "001122334455667783",
  mask: "00112233445566",
  keys: 2,
  sizeBytes: 32,
  segments: [
    ["b" as BlockId, 2 * LIMITS.unitBytes - 24, 24],
    ["b" as BlockId, 4 * LIMITS.unitBytes, 40],
  ],
  master: "sae-a" as SaeId,
  masterNode: sender.from,
  recipients: [{ sae: "sae-b" as SaeId, node: "n-2" as NodeId }],
  expiresMs: 1,
};
const numbered = (...seqs: number[]): HalfBatch["messages"] =>
  seqs.map((seq) => ({ seq, message: { kind: "void", nonce: "" } }));

test("what a half sends has no flaw", () => {
  expect(flawOfBatch(batch, sender)).toBeNull();
  expect(flawOfBatch({ ...batch, messages: numbered(5, 6, 7) }, sender)).toBeNull();
  // Those in between, and before, are settled.
  expect(flawOfBatch({ ...batch, messages: numbered(7, 9, 10) }, sender)).toBeNull();
  expect(flawOfMessage(announcement, sender)).toBeNull();
});

test("messages are in order, and not settled", () => {
  for (const seqs of [[4], [5, 5], [6, 5], [5, 7, 6], [0], [5.5], [Number.NaN], [2 ** 40]]) {
    expect(flawOfBatch({ ...batch, messages: numbered(...seqs) }, sender)).not.toBeNull();
  }
});

test("numbers that are none, or out of their bounds, are flaws wherever they stand", () => {
  const bad = fc.constantFrom(-1, 0.5, Number.NaN, Infinity, 2 ** 60);
  fc.assert(
    fc.property(bad, fc.constantFrom("record", "keys", "sizeBytes", "expiresMs"), (value, member) => {
      expect(flawOfMessage({ ...announcement, [member]: value }, sender)).not.toBeNull();
    }),
  );
  fc.assert(
    fc.property(bad, bad, (offset, length) => {
      const segments = [["b" as BlockId, offset, 64] as const];
      expect(flawOfMessage({ ...announcement, segments }, sender)).not.toBeNull();
      expect(flawOfMessage({ ...announcement, segments: [["b" as BlockId, 0, length]] }, sender)).not.toBeNull();
    }),
  );
  fc.assert(
    fc.property(bad, fc.constantFrom("settled", "generation", "wantBytes"), (value, member) => {
      expect(flawOfBatch({ ...batch, [member]: value }, sender)).not.toBeNull();
    }),
  );
});
