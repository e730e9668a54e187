import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../shared/audit/canonical-json.ts";
import { CHAIN_START, chainHash, firstBreak } from "../../shared/audit/chain.ts";
import type { AuditEvent } from "../../shared/audit/event.ts";
import { Database } from "../storage/database.ts";
import { migrate } from "../storage/migrations.ts";
import type { AuditLog } from "./audit-log.ts";
import { MIGRATIONS } from "./schema.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
let count = 0;
const newLog = () => AUDIT_LOG.getByName(`tampered-${(count += 1)}`);
type Log = ReturnType<typeof newLog>;

const event = (n: number): AuditEvent => ({
  atMs: n,
  act: "keys.enc",
  who: "sae:\u00e4\u20ac\u{1f511}",
  node: "tn-1",
  detail: { n, text: 'line\n"\\\ud800', yes: true, none: null },
});
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => event(from + at));
const read = async (log: Log) => [...(await log.read({ after: 0, limit: 1000 })).records];
const breakOf = async (log: Log) => firstBreak(await read(log));

const COLUMNS = ["texts", "hashes", "checks"] as const;

/** Three rows; the middle one, records 6 to 75, is to be changed. */
async function threeRows(): Promise<Log> {
  const log = newLog();
  await log.append({ source: "a", firstSeq: 1, events: events(1, 5) });
  await log.append({ source: "b", firstSeq: 1, events: events(1, 70) });
  await log.append({ source: "a", firstSeq: 6, events: events(6, 7) });
  return log;
}

/** @returns the record the changed byte belongs to, where the column tells */
async function changeByte(
  log: Log,
  column: (typeof COLUMNS)[number],
  at: number,
  bits: number,
): Promise<number | null> {
  return await runInDurableObject(log, (_, { storage: { sql } }) => {
    const { value } = sql
      .exec<{ value: ArrayBuffer }>(`SELECT CAST(${column} AS BLOB) AS value FROM runs WHERE last_index = 75`)
      .one();
    const bytes = new Uint8Array(value);
    const place = at % bytes.length;
    const lines = bytes.subarray(0, place).filter((byte) => byte === 0x0a).length;
    bytes[place] = (bytes[place] ?? 0) ^ bits;
    const type = column === "texts" ? "TEXT" : "BLOB";
    sql.exec(`UPDATE runs SET ${column} = CAST(? AS ${type}) WHERE last_index = 75`, bytes);
    return { texts: 6 + lines, checks: 6 + Math.floor(place / 4), hashes: null }[column];
  });
}

describe("what is changed behind the log's back", () => {
  it("shows, whichever stored byte it is, and points at the record", async () => {
    const log = await threeRows();
    expect(await breakOf(log)).toBeNull();
    const change = fc.tuple(fc.constantFrom(...COLUMNS), fc.nat(), fc.integer({ min: 1, max: 255 }));
    await fc.assert(
      fc.asyncProperty(change, async ([column, at, bits]) => {
        const record = await changeByte(log, column, at, bits);
        const found = await breakOf(log);
        await changeByte(log, column, at, bits);
        expect(found).not.toBeNull();
        if (record !== null) expect(found).toBe(record);
      }),
      { numRuns: 150 },
    );
    expect(await breakOf(log)).toBeNull();
  });

  it.each([
    ["a record that is another's now", "UPDATE runs SET texts = replace(texts, '\"n\":33,', '\"n\":34,')", 38],
    ["a blank", "UPDATE runs SET texts = replace(texts, '\"n\":33,', '\"n\": 33,')", 38],
    [
      "a record taken out",
      "UPDATE runs SET texts = substr(texts, instr(texts, char(10)) + 1) WHERE last_index = 75",
      6,
    ],
    ["a line put in", "UPDATE runs SET texts = char(10) || texts WHERE last_index = 75", 6],
    ["a line at the end", "UPDATE runs SET texts = texts || char(10) WHERE last_index = 75", 75],
    ["no text at all", "UPDATE runs SET texts = '' WHERE last_index = 75", 6],
    ["a hash too many", "UPDATE runs SET hashes = CAST(hashes || zeroblob(32) AS BLOB) WHERE last_index = 75", 70],
    ["no hashes", "UPDATE runs SET hashes = x'' WHERE last_index = 75", 6],
    ["a check too few", "UPDATE runs SET checks = CAST(substr(checks, 5) AS BLOB) WHERE last_index = 75", 7],
    ["a row gone", "DELETE FROM runs WHERE last_index = 75", 76],
    ["a row in another's place", "UPDATE runs SET last_index = 100 WHERE last_index = 75", 76],
  ])("shows %s", async (_, sql, expected) => {
    const log = await threeRows();
    await runInDurableObject(log, (__, state) => {
      state.storage.sql.exec(sql);
    });
    expect(await breakOf(log)).toBe(expected);
  });
});

/** As code of schema 1 does: on from the last row of records, a row and a hash each. */
function appendOld(db: Database, source: string, from: number, to: number): void {
  for (const [at, one] of events(from, to).entries()) {
    const head = db.one<{ idx: number; hash: string }>("SELECT idx, hash FROM records ORDER BY idx DESC LIMIT 1");
    const record = { ...one, index: (head?.idx ?? 0) + 1, source, seq: from + at };
    const { index, seq, atMs, act, who, node, detail } = record;
    const hash = chainHash(head?.hash ?? CHAIN_START, [record]);
    const sql = "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.run(sql, index, source, seq, atMs, act, who, node, JSON.stringify(detail), hash);
  }
  db.run("INSERT OR REPLACE INTO sources VALUES (?, ?)", source, to);
}

/** Storage as schema 1 left it: numbers 1 to `last` of source "old". */
async function oldLog(last: number): Promise<Log> {
  const log = newLog();
  await runInDurableObject(log, (_, state) => {
    const db = new Database(state.storage);
    for (const table of ["runs", "records", "sources", "setting", "checkpoint", "signer", "schema_version"])
      db.run(`DROP TABLE ${table}`);
    migrate(db, MIGRATIONS.slice(0, 1));
    appendOld(db, "old", 1, last);
  });
  await evictDurableObject(log);
  return log;
}

describe("records of schema 1", () => {
  it("stay, and the chain goes on from them", async () => {
    const log = await oldLog(5);
    expect(await breakOf(log)).toBeNull();
    expect(await log.append({ source: "old", firstSeq: 4, events: events(4, 8) })).toEqual({ storedSeq: 8 });
    await log.append({ source: "new", firstSeq: 1, events: events(1, 2) });
    const records = await read(log);
    expect(records.map(({ source, seq }) => `${source} ${seq}`).join()).toBe(
      "old 1,old 2,old 3,old 4,old 5,old 6,old 7,old 8,new 1,new 2",
    );
    expect(
      records.slice(0, 8).map(({ atMs, act, who, node, detail }) => canonicalJson({ atMs, act, who, node, detail })),
    ).toEqual(events(1, 8).map(canonicalJson));
    expect(firstBreak(records)).toBeNull();
    const { records: middle } = await log.read({ after: 3, limit: 3 });
    expect(middle.map(({ index }) => index)).toEqual([4, 5]);
    expect(firstBreak(middle, records[2]?.hash)).toBeNull();
  });

  it("count as stored, and what is sent under their numbers as a conflict", async () => {
    const log = await oldLog(5);
    await log.append({ source: "old", firstSeq: 1, events: events(1, 5) });
    await log.append({ source: "old", firstSeq: 4, events: [event(4), event(50), event(6)] });
    const acts = (await read(log)).slice(5).map(({ seq, act, detail }) => [seq, act, detail["n"]]);
    expect(acts).toEqual([
      [3, "audit.conflict", undefined],
      [5, "keys.enc", 50],
      [6, "keys.enc", 6],
    ]);
    expect(await breakOf(log)).toBeNull();
  });

  it("show a change too", async () => {
    const log = await oldLog(5);
    await log.append({ source: "old", firstSeq: 6, events: events(6, 8) });
    await runInDurableObject(log, (_, state) => {
      state.storage.sql.exec("UPDATE records SET who = 'sae:b' WHERE idx = 2");
    });
    expect(await breakOf(log)).toBe(2);
  });

  it("may come again between runs, should a deploy be rolled back", async () => {
    const log = await oldLog(5);
    await log.append({ source: "a", firstSeq: 1, events: events(1, 40) });
    await runInDurableObject(log, (_, state) => {
      const db = new Database(state.storage);
      expect(() => migrate(db, MIGRATIONS.slice(0, 1))).not.toThrow();
      appendOld(db, "a", 41, 43);
    });
    await evictDurableObject(log);
    await log.append({ source: "a", firstSeq: 43, events: events(43, 50) });
    const records = await read(log);
    expect(records.map(({ index }) => index)).toEqual(events(1, 55).map(({ atMs: n }) => n));
    expect(records.slice(5).map(({ seq }) => seq)).toEqual(events(1, 50).map(({ atMs: n }) => n));
    expect(firstBreak(records)).toBeNull();
    const reported = await log.reported({ source: "a", afterSeq: 40 });
    expect(reported.records.map(({ seq }) => seq)).toEqual([41, 42, 43, 44, 45, 46, 47, 48, 49, 50]);
  });
});
