import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkpointsOf,
  logOf,
  newSigner,
  NODE,
  plain,
  type Sent,
  SIGNER,
  verifyEd25519,
} from "../../test/support/audit-logs.ts";
import { toBase64 } from "../bytes/base64.ts";
import { CHAIN_START } from "./chain.ts";
import { type Checkpoint, FIRST_PREVIOUS } from "./checkpoint.ts";
import type { AuditRecord } from "./event.ts";
import { checkpointLine, endLine, headerLine, readHeader, readLine, recordLine } from "./export.ts";
import { type AuditItem, type Known, verifyLog } from "./verify.ts";

const known = (more: Partial<Known> = {}): Known => ({
  node: NODE,
  keys: new Map([[SIGNER.key.key, SIGNER.key]]),
  verifyEd25519,
  start: null,
  isRetired: false,
  pin: null,
  lastIndex: 0,
  ...more,
});
const flawOf = async (items: readonly AuditItem[], more: Partial<Known> = {}) =>
  (await verifyLog(known(more), items)).flaw;

const LOG = logOf(plain(12), [4, 8, 12]);

describe("a log that holds together", () => {
  it("is found so, and how much of it is signed", async () => {
    const verdict = await verifyLog(known({ lastIndex: 12 }), logOf(plain(12), [4, 8]));
    expect(verdict).toMatchObject({ flaw: null, records: 12, checkpoints: 2, lastIndex: 12, signedIndex: 8, notes: 0 });
  });

  it("may begin after a checkpoint", async () => {
    const [start] = checkpointsOf(LOG);
    const rest = LOG.slice(LOG.findIndex((item) => "checkpoint" in item) + 1);
    expect(await flawOf(rest, { start: start ?? null })).toBeNull();
    expect(await flawOf(rest)).toMatchObject({ kind: "missing", index: 1 });
  });

  it("may say itself what it lacks, and that is told", async () => {
    const sent: Sent[] = [
      { act: "keys.enc", seq: 1 },
      { act: "audit.gap", seq: 4, detail: { fromSeq: 2, toSeq: 4 } },
      { act: "keys.enc", seq: 5 },
      { act: "audit.conflict", seq: 3, detail: { events: 2, storedSeq: 5 } },
      { act: "keys.enc", seq: 4 },
      { act: "keys.enc", seq: 5 },
      { act: "keys.enc", seq: 6 },
      { act: "audit.dropped", seq: 7 },
    ];
    const verdict = await verifyLog(known(), logOf(sent, [8]));
    expect(verdict).toMatchObject({ flaw: null, notes: 3 });
    expect(verdict.noted.map(({ act }) => act)).toEqual(["audit.gap", "audit.conflict", "audit.dropped"]);
  });
});

describe("what was done to it is found", () => {
  const at = fc.nat({ max: LOG.length - 1 });
  type Tamper = (items: AuditItem[], n: number, m: number) => void;
  /** Each leaves something else than was there. */
  const ways: Readonly<Record<string, Tamper>> = {
    removal: (items, n) => void items.splice(n, 1),
    duplication: (items, n, m) => void items.splice(m, 0, items[n]!),
    swap: (items, n, m) => {
      const other = m === n ? (n + 1) % items.length : m;
      [items[n], items[other]] = [items[other]!, items[n]!];
    },
    change: (items, n, m) => {
      const item = items[n]!;
      if ("record" in item) {
        const { record } = item;
        const changes: Partial<AuditRecord>[] = [
          { who: "sae:b" },
          { act: "keys.dec" },
          { atMs: record.atMs + 1 },
          { source: "other" },
          { seq: record.seq + 1 },
          { index: record.index + 1 },
          { detail: { n: 1 } },
          { hash: CHAIN_START },
          { check: "00000000" },
        ];
        items[n] = { record: { ...record, ...changes[m % changes.length] } };
        return;
      }
      const { checkpoint } = item;
      const changes: Partial<Checkpoint>[] = [
        { number: checkpoint.number + 1 },
        { index: checkpoint.index - 1 },
        { hash: FIRST_PREVIOUS },
        { at: new Date(0).toISOString() },
        { previous: "1".repeat(64) },
        { key: "1".repeat(64) },
        { node: "tn-2" },
        { ed25519: toBase64(new Uint8Array(64)) },
        { ml_dsa_65: toBase64(new Uint8Array(3309)) },
      ];
      items[n] = { checkpoint: { ...checkpoint, ...changes[m % changes.length] } };
    },
  };

  it.each(Object.entries(ways))("any %s", async (_, tamper) => {
    const pin = checkpointsOf(LOG).at(-1) ?? null;
    await fc.assert(
      fc.asyncProperty(at, at, async (n, m) => {
        const items = [...LOG];
        tamper(items, n, m);
        expect(await flawOf(items, { pin, lastIndex: 12 })).not.toBeNull();
      }),
    );
  });

  it("names the first record that was changed", async () => {
    const items = [...LOG];
    const place = items.findIndex((item) => "record" in item && item.record.index === 7);
    const item = items[place]!;
    if ("record" in item) items[place] = { record: { ...item.record, who: "sae:b" } };
    expect(await flawOf(items)).toMatchObject({ kind: "changed", index: 7 });
  });

  it("even where whoever did it wrote the whole chain anew, without the keys", async () => {
    const forged = plain(12).map((sent, n) => (n === 5 ? { ...sent, act: "keys.dec" } : sent));
    const old = checkpointsOf(LOG);
    const items = logOf(forged, [4, 8, 12]).map((item) =>
      "checkpoint" in item ? { checkpoint: old[item.checkpoint.number - 1]! } : item,
    );
    expect(await flawOf(items)).toMatchObject({ kind: "other-history", index: 8 });
    expect(await flawOf(logOf(forged, [4, 8, 12], 3, newSigner()))).toMatchObject({ kind: "unknown-key", index: 4 });
  });

  it("with the keys too, by whoever has seen a later checkpoint", async () => {
    const forged = logOf(
      plain(12).map((sent, n) => (n === 5 ? { ...sent, act: "keys.dec" } : sent)),
      [4, 8, 12],
    );
    const pin = checkpointsOf(LOG)[1] ?? null;
    expect(await flawOf(forged)).toBeNull();
    expect(await flawOf(forged, { pin })).toMatchObject({ kind: "other-history", index: 8 });
    expect((await verifyLog(known({ pin }), LOG)).pinSeen).toBe(true);
  });

  it("an end that is gone", async () => {
    const whole = logOf(plain(12), [4, 8]);
    expect(await flawOf(whole.slice(0, -3), { lastIndex: 12 })).toMatchObject({ kind: "truncated", index: 9 });
    const pin = checkpointsOf(whole).at(-1) ?? null;
    const cut = whole.slice(
      0,
      whole.findIndex((item) => "record" in item && item.record.index === 8),
    );
    expect(await flawOf(cut, { pin })).toMatchObject({ kind: "truncated" });
  });

  it("a beginning that is gone, unless a record says it went for its age", async () => {
    const [start] = checkpointsOf(LOG);
    const rest = LOG.slice(LOG.findIndex((item) => "checkpoint" in item) + 1);
    expect(await flawOf(rest, { start: start ?? null, isRetired: true })).toMatchObject({
      kind: "beginning",
      index: 4,
    });
    const retired = [...plain(11), { act: "audit.retired", seq: 12, detail: { to_index: 4 } }];
    const told = logOf(retired, [4, 8, 12]);
    const kept = told.slice(told.findIndex((item) => "checkpoint" in item) + 1);
    expect(await flawOf(kept, { start: checkpointsOf(told)[0] ?? null, isRetired: true })).toBeNull();
  });

  it("events of a source that were left out before they were chained", async () => {
    const sent = plain(12).filter((_, n) => n !== 4);
    expect(await flawOf(logOf(sent, [11]))).toMatchObject({ kind: "gap", index: 5 });
    expect(await flawOf(logOf(plain(12).slice(1), [11]))).toMatchObject({ kind: "gap", index: 1 });
    expect(await flawOf(logOf([...plain(3), { act: "keys.enc", seq: 2 }], [4]))).toMatchObject({
      kind: "gap",
      index: 4,
    });
  });
});

describe("an export", () => {
  const lines = [
    headerLine({
      qkd_audit_export: 1,
      node: NODE,
      made: new Date(0).toISOString(),
      keys: [SIGNER.key],
      start: null,
      retired: false,
    }),
    ...LOG.map((item) => ("record" in item ? recordLine(item.record) : checkpointLine(item.checkpoint))),
    endLine({ records: 12, checkpoints: 3, index: 12, hash: checkpointsOf(LOG).at(-1)?.hash ?? "" }),
  ];

  it("reads back as what it was made of", async () => {
    const header = readHeader(lines[0] ?? "");
    expect(header.ok && header.value.node).toBe(NODE);
    const read = lines.slice(1).map((line, at) => readLine(line, at + 2));
    expect(read.map((line) => (line.ok ? line.value : line))).toEqual([
      ...LOG,
      { end: { records: 12, checkpoints: 3, index: 12, hash: checkpointsOf(LOG).at(-1)?.hash } },
    ]);
  });

  it("has one spelling a line: no byte of records and checkpoints can be changed unseen", async () => {
    const body = lines.slice(1, -1);
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 127 }), async (n, place, bits) => {
        const line = body[n % body.length] ?? "";
        const spot = place % line.length;
        const changed = line.slice(0, spot) + String.fromCharCode(line.charCodeAt(spot) ^ bits) + line.slice(spot + 1);
        const items = body.with(n % body.length, changed).map((each, at) => readLine(each, at + 2));
        const read = items.flatMap((item) => (item.ok && !("end" in item.value) ? [item.value] : []));
        if (read.length === body.length) expect(await flawOf(read)).not.toBeNull();
        else expect(items.some((item) => !item.ok || "end" in item.value)).toBe(true);
      }),
    );
  });

  it.each(["", "null", "{}", '{"record":{}}', '{"record":{},"hash":""}', '{"end":{}}'])("refuses %j", (line) => {
    expect(readLine(line, 7)).toMatchObject({ ok: false, error: { message: expect.stringContaining("line 7") } });
    expect(readHeader(line).ok).toBe(false);
  });
});
