import fc from "fast-check";
import { expect, test } from "vitest";
import type { BlockId, NodeId, PairName, SaeId } from "../ids.ts";
import { LIMITS } from "../limits.ts";
import type { RelayId } from "../relay/types.ts";
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

const chunks: Announcement = {
  ...announcement,
  use: "stream",
  recipients: [{ sae: "sae-a" as SaeId, node: sender.from }, ...announcement.recipients],
  chunks: { instance: 5, first: 0, madeMs: 1 },
};

test("chunks are for a stream's two ends, and announced by the half that keeps it", () => {
  expect(flawOfMessage(chunks, sender)).toBeNull();
  const [a, b] = chunks.recipients;
  if (a === undefined || b === undefined) throw new Error("there are two");
  // Whoever has opened it.
  const opened = { ...chunks, master: b.sae, masterNode: b.node, recipients: [b, a] };
  expect(flawOfMessage(opened, sender)).toBeNull();
  expect(flawOfMessage(opened, { ...sender, from: b.node })).not.toBeNull();
  const { chunks: run, ...none } = chunks;
  if (run === undefined) throw new Error("there are some");
  const tooMany = LIMITS.streamAheadChunks + LIMITS.streamReadAhead + 1;
  const flawed: Announcement[] = [
    none,
    { ...chunks, use: "key" },
    { ...chunks, master: b.sae },
    { ...chunks, masterNode: b.node },
    { ...chunks, recipients: [a] },
    { ...chunks, recipients: [a, b, b] },
    { ...chunks, recipients: [a, { ...b, node: a.node }] },
    { ...chunks, recipients: [a, { ...b, sae: a.sae }] },
    { ...chunks, keys: tooMany, sizeBytes: 1, segments: [["b" as BlockId, 0, tooMany]] },
    { ...chunks, chunks: { ...run, first: -1 } },
    { ...chunks, chunks: { ...run, instance: 0.5 } },
    { ...chunks, hop: { relay: "" as RelayId, pair: "n-1|n-2" as PairName, shard: 60 } },
  ];
  for (const each of flawed) expect(flawOfMessage(each, sender)).not.toBeNull();
});

test("chunks end as expired or voided, so many of them delivered", () => {
  const end = { kind: "end", nonce: announcement.nonce, delivered: 2, as: "expired" } as const;
  expect(flawOfMessage(end, sender)).toBeNull();
  for (const wrong of [{ delivered: -1 }, { delivered: 0.5 }, { nonce: "00" }, { as: "delivered" as "voided" }]) {
    expect(flawOfMessage({ ...end, ...wrong }, sender)).not.toBeNull();
  }
});

test("a pad is for the other node, and for no SAE", () => {
  const nobody = "" as SaeId;
  const pad: Announcement = {
    ...announcement,
    use: "pad",
    keys: 1,
    sizeBytes: 64,
    master: nobody,
    recipients: [{ sae: nobody, node: "n-2" as NodeId }],
    hop: { relay: "0f8fad5b-d9cb-469f-a165-70867728950e" as RelayId, pair: "n-1|n-9" as PairName, shard: 60 },
  };
  expect(flawOfMessage(pad, sender)).toBeNull();
  const { hop: _, ...noHop } = pad;
  const flawed: Announcement[] = [
    noHop,
    { ...pad, master: "sae-a" as SaeId },
    { ...pad, recipients: announcement.recipients },
    { ...pad, recipients: [{ sae: nobody, node: "n-1" as NodeId }] },
    { ...pad, recipients: [...pad.recipients, ...announcement.recipients] },
    { ...pad, recipients: [] },
    { ...pad, keys: 2, sizeBytes: 32 },
    { ...pad, sizeBytes: 32, segments: [["b" as BlockId, 0, 32]] },
    { ...pad, hop: { ...pad.hop, shard: 3 } as NonNullable<Announcement["hop"]> },
    { ...pad, masterNode: "n-2" as NodeId },
    { ...pad, use: "tag" },
    // Nor is a key for a hop, or for nobody.
    { ...announcement, hop: pad.hop as NonNullable<Announcement["hop"]> },
    { ...announcement, master: nobody },
    { ...announcement, recipients: pad.recipients },
  ];
  for (const each of flawed) expect(flawOfMessage(each, sender)).not.toBeNull();
  // The other node says that it has taken it.
  const fetched = { kind: "fetched", record: 7, nonce: announcement.nonce, sae: nobody, runs: [[0, 1]] } as const;
  expect(flawOfMessage(fetched, sender)).toBeNull();
});
