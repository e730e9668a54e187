import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { AuditBatch, AuditEvent } from "../../shared/audit/event.ts";
import type { AuditLog } from "../audit-log/audit-log.ts";
import { Database, storedJson } from "./database.ts";
import { migrate, type Migration } from "./migrations.ts";
import { AuditOutbox, outboxMigration } from "./outbox.ts";
import { Settings } from "./settings.ts";

const { AUDIT_LOG } = env as unknown as { AUDIT_LOG: DurableObjectNamespace<AuditLog> };
/** Of the object whose storage is used. */
const TABLES = ["records", "runs", "sources", "setting", "checkpoint", "signer", "schema_version"];
let count = 0;

/** Runs over the empty storage of an object of its own. */
async function withDatabase<T>(work: (db: Database) => T | Promise<T>): Promise<T> {
  count += 1;
  return await runInDurableObject(AUDIT_LOG.getByName(`storage-${count}`), async (_, state) => {
    const db = new Database(state.storage);
    for (const table of TABLES) db.run(`DROP TABLE ${table}`);
    return await work(db);
  });
}

async function withSettings(work: (settings: Settings) => void): Promise<void> {
  await withDatabase((db) => {
    db.run("CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
    work(new Settings(db));
  });
}

describe("Database", () => {
  it("reads rows, one row and no row", async () => {
    await withDatabase((db) => {
      db.run("CREATE TABLE t (n INTEGER, b BLOB)");
      expect(db.run("INSERT INTO t VALUES (?, ?), (2, NULL)", 1, Uint8Array.of(1, 2))).toBe(2);
      expect(db.all<{ n: number }>("SELECT n FROM t ORDER BY n")).toEqual([{ n: 1 }, { n: 2 }]);
      const row = db.one<{ b: ArrayBuffer }>("SELECT b FROM t WHERE n = ?", 1);
      expect(new Uint8Array(row?.b ?? new ArrayBuffer())).toEqual(Uint8Array.of(1, 2));
      expect(db.one("SELECT n FROM t WHERE n = 3")).toBeUndefined();
      expect(db.run("DELETE FROM t WHERE n = 3")).toBe(0);
    });
  });

  it("takes back a transaction that throws", async () => {
    await withDatabase((db) => {
      db.run("CREATE TABLE t (n INTEGER)");
      const failing = () => {
        db.run("INSERT INTO t VALUES (1)");
        throw new Error("no");
      };
      expect(() => db.transaction(failing)).toThrow("no");
      expect(db.all("SELECT * FROM t")).toEqual([]);
    });
  });
});

describe("Settings", () => {
  it("keeps a text or bytes under a name", async () => {
    await withSettings((settings) => {
      expect([settings.text("a"), settings.bytes("a")]).toEqual([undefined, undefined]);
      settings.put("a", "one");
      settings.put("a", "two");
      settings.put("b", Uint8Array.of(1, 2));
      expect([settings.text("a"), settings.bytes("a")]).toEqual(["two", undefined]);
      expect([settings.text("b"), settings.bytes("b")]).toEqual([undefined, Uint8Array.of(1, 2)]);
    });
  });

  it("remembers the name of an object that is not told it", async () => {
    await withSettings((settings) => {
      expect([undefined, "n", undefined, "m"].map((name) => settings.named(name))).toEqual(["", "n", "n", "n"]);
    });
  });

  it("tells when the storage has been put back from a copy", async () => {
    await withSettings((settings) => {
      const putBack: string[] = [];
      for (const generation of ["1", "1", "2", "2", "1"]) {
        settings.seeGeneration(generation, () => putBack.push(generation));
      }
      expect(putBack).toEqual(["2", "1"]);
    });
  });
});

const versionOf = (db: Database) => db.one("SELECT * FROM schema_version");

describe("migrations", () => {
  const first: Migration = { version: 1, minReader: 1, sql: "CREATE TABLE a (n); CREATE TABLE b (n);" };
  const second: Migration = { version: 2, minReader: 1, sql: "ALTER TABLE a ADD COLUMN m" };
  const third: Migration = { version: 3, minReader: 3, sql: "ALTER TABLE a DROP COLUMN n" };

  it("run once each, in order", async () => {
    await withDatabase((db) => {
      migrate(db, [first]);
      migrate(db, [first]);
      migrate(db, [first, second]);
      expect(versionOf(db)).toEqual({ version: 2, min_reader: 1 });
      db.run("INSERT INTO a (n, m) VALUES (1, 2)");
    });
  });

  it("let older code run that may still read the store, and leave its version", async () => {
    await withDatabase((db) => {
      migrate(db, [first, second]);
      migrate(db, [first]);
      expect(versionOf(db)).toEqual({ version: 2, min_reader: 1 });
    });
  });

  it("refuse code older than that", async () => {
    await withDatabase((db) => {
      migrate(db, [first, second, third]);
      expect(() => migrate(db, [first, second])).toThrow(/can be read by schema 3 and newer; this code is schema 2/);
    });
  });

  it("happen all or not at all", async () => {
    await withDatabase((db) => {
      migrate(db, [first]);
      expect(() => migrate(db, [first, second, { version: 3, minReader: 1, sql: "nonsense" }])).toThrow();
      expect(versionOf(db)).toEqual({ version: 1, min_reader: 1 });
      expect(() => db.run("INSERT INTO a (m) VALUES (1)")).toThrow();
    });
  });

  it("are numbered without gaps", async () => {
    await withDatabase((db) => {
      expect(() => migrate(db, [second])).toThrow("migration 1 is numbered 2");
      expect(() => migrate(db, [{ ...first, minReader: 2 }])).toThrow("minReader 2");
    });
  });
});

const LIMITS = {
  outboxEvents: 10,
  auditBatchEvents: 3,
  auditBatchChars: 1000,
  auditBatchesPerShip: 4,
  auditAppendMs: 50,
};
const event = (n: number, node = "tn-1"): AuditEvent => ({ atMs: n, act: "test", who: "system", node, detail: { n } });
const events = (from: number, to: number, node?: string) =>
  Array.from({ length: to - from + 1 }, (_, i) => event(from + i, node));

/** Logs that keep what they get; `down` ones fail, `mute` ones fail after that, `silent` ones never answer. */
function logs() {
  const batches: { node: string; firstSeq: number; text: string; events: AuditEvent[] }[] = [];
  const down = new Set<string>();
  const mute = new Set<string>();
  const silent = new Set<string>();
  const logOf = (node: string) => ({
    append: async ({ firstSeq, events: text }: AuditBatch) => {
      if (down.has(node) || typeof text !== "string") throw new Error("unreachable");
      const sent = storedJson<AuditEvent[]>(text);
      batches.push({ node, firstSeq, text, events: sent });
      if (mute.has(node)) throw new Error("no answer");
      if (silent.has(node)) await Promise.withResolvers<never>().promise;
      return { storedSeq: firstSeq + sent.length - 1 };
    },
  });
  const seqs = (node: string) =>
    batches.filter((b) => b.node === node).flatMap((b) => b.events.map((e, i) => [b.firstSeq + i, e.atMs]));
  return { logOf, down, mute, silent, batches, seqs };
}

const withOutbox = async (work: (outbox: AuditOutbox, db: Database) => void | Promise<void>) =>
  await withDatabase(async (db) => {
    migrate(db, [{ version: 1, minReader: 1, sql: outboxMigration }]);
    await work(new AuditOutbox(db, "source", LIMITS), db);
  });

describe("AuditOutbox", () => {
  it("numbers events per node without gaps, in bounded batches", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, batches, seqs } = logs();
      outbox.record([...events(1, 4), event(5, "tn-2")]);
      outbox.record(events(6, 7));
      expect(outbox.pending()).toBe(7);
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 7, pendingEvents: 0, failedNodes: [] });
      expect(seqs("tn-1")).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
        [4, 4],
        [5, 6],
        [6, 7],
      ]);
      expect(seqs("tn-2")).toEqual([[1, 5]]);
      for (const batch of batches) expect(batch.events.length).toBeLessThanOrEqual(3);
      outbox.record([event(8)]);
      await outbox.ship(logOf);
      expect(seqs("tn-1").at(-1)).toEqual([7, 8]);
    });
  });

  it("keeps its numbers over a restart", async () => {
    await withOutbox(async (outbox, db) => {
      const { logOf, seqs } = logs();
      outbox.record([event(1)]);
      await outbox.ship(logOf);
      outbox.record([event(2)]);
      const again = new AuditOutbox(db, "source", LIMITS);
      expect(again.pending()).toBe(1);
      again.record([event(3)]);
      await again.ship(logOf);
      expect(seqs("tn-1")).toEqual([
        [1, 1],
        [2, 2],
        [3, 3],
      ]);
    });
  });

  it("gives no numbers to what is rolled back", async () => {
    await withOutbox(async (outbox, db) => {
      const { logOf, seqs } = logs();
      outbox.record([event(1)]);
      const failing = () => {
        outbox.record(events(90, 95));
        outbox.drop([event(96)]);
        throw new Error("no");
      };
      expect(() => db.transaction(failing)).toThrow("no");
      outbox.record([event(2)]);
      await outbox.ship(logOf);
      expect(outbox.pending()).toBe(0);
      expect(seqs("tn-1")).toEqual([
        [1, 1],
        [2, 2],
      ]);
    });
  });

  it("sends what was not acknowledged again, under the same numbers", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, mute, batches } = logs();
      mute.add("tn-1");
      outbox.record(events(1, 2));
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 0, pendingEvents: 2, failedNodes: ["tn-1"] });
      mute.clear();
      await outbox.ship(logOf);
      expect(batches[1]).toEqual(batches[0]);
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 0, pendingEvents: 0, failedNodes: [] });
    });
  });

  it("waits for a log that never answers as little as for one that fails", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, silent, batches, seqs } = logs();
      silent.add("tn-1");
      outbox.record([event(1), event(2, "tn-2")]);
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 1, pendingEvents: 1, failedNodes: ["tn-1"] });
      expect(seqs("tn-2")).toEqual([[1, 2]]);
      silent.clear();
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 1, pendingEvents: 0, failedNodes: [] });
      expect(batches.at(-1)).toEqual(batches[0]);
    });
  });

  it("keeps rows and batches within a number of characters", async () => {
    await withOutbox(async (outbox, db) => {
      const { logOf, batches, seqs } = logs();
      const long = (n: number, chars: number) => ({ ...event(n), detail: { text: "x".repeat(chars) } });
      outbox.record([long(1, 400), long(2, 400), long(3, 400)]);
      outbox.record([long(4, 5000)]);
      outbox.record([event(5)]);
      const rows = db.all<{ first_seq: number; last_seq: number }>("SELECT first_seq, last_seq FROM audit_outbox");
      expect(rows.map((row) => [row.first_seq, row.last_seq])).toEqual([
        [1, 2],
        [3, 3],
        [4, 4],
        [5, 5],
      ]);
      await outbox.ship(logOf);
      for (const { text, events: sent } of batches) expect(sent.length === 1 || text.length <= 1000).toBe(true);
      expect(seqs("tn-1").map(([seq]) => seq)).toEqual([1, 2, 3, 4, 5]);
    });
  });

  it("goes on past a log that is down, and sends it everything later", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, down, seqs } = logs();
      down.add("tn-1");
      outbox.record([...events(1, 2), event(3, "tn-2")]);
      expect(await outbox.ship(logOf)).toEqual({ shippedEvents: 1, pendingEvents: 2, failedNodes: ["tn-1"] });
      down.clear();
      await outbox.ship(logOf);
      expect(seqs("tn-1")).toEqual([
        [1, 1],
        [2, 2],
      ]);
    });
  });

  it("sends a bounded number of batches at once", async () => {
    await withOutbox(async (outbox) => {
      const { logOf } = logs();
      outbox.record(events(1, 20));
      expect(await outbox.ship(logOf)).toMatchObject({ shippedEvents: 12, pendingEvents: 8 });
    });
  });

  it("keeps what is recorded while it ships", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, seqs } = logs();
      outbox.record([event(1)]);
      const shipping = outbox.ship(logOf);
      outbox.record([event(2)]);
      expect(await outbox.ship(logOf)).toMatchObject({ shippedEvents: 0 });
      await shipping;
      await outbox.ship(logOf);
      expect(seqs("tn-1")).toEqual([
        [1, 1],
        [2, 2],
      ]);
      expect(outbox.pending()).toBe(0);
    });
  });

  it("counts what it drops when full, in the log's own sequence", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, batches, seqs } = logs();
      outbox.record(events(1, 10));
      expect(outbox.full()).toBe(true);
      outbox.drop(events(11, 12));
      outbox.drop([event(13)]);
      while (outbox.pending() > 0) await outbox.ship(logOf);
      outbox.drop([event(14)]);
      outbox.record([event(15)]);
      outbox.drop([event(16)]);
      await outbox.ship(logOf);
      expect(outbox.full()).toBe(false);
      const dropped = batches.flatMap((b) => b.events).filter((e) => e.act === "audit.dropped");
      expect(dropped.map((e) => e.detail["events"])).toEqual([3, 1, 1]);
      expect(seqs("tn-1").map(([seq]) => seq)).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    });
  });

  it("goes on from a number it is given, though a batch was under way", async () => {
    await withOutbox(async (outbox) => {
      const { logOf, seqs } = logs();
      outbox.record(events(1, 2));
      const shipping = outbox.ship(logOf);
      outbox.skipTo("tn-1", 100);
      await shipping;
      expect([outbox.lastSeq("tn-1"), outbox.pending()]).toEqual([100, 0]);
      outbox.record([event(3)]);
      await outbox.ship(logOf);
      expect(seqs("tn-1").at(-1)).toEqual([101, 3]);
      expect(outbox.lastSeq("tn-1")).toBe(101);
    });
  });

  it("does not forget what a log that is ahead has not been sent", async () => {
    await withOutbox(async (outbox) => {
      const ahead = { append: async () => ({ storedSeq: 1000 }) };
      outbox.record(events(1, 20));
      await outbox.ship(() => ahead);
      expect(outbox.pending()).toBe(8);
    });
  });
});
