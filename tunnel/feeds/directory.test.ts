import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LIMITS } from "../../shared/limits.ts";
import { answer } from "../../test/support/fake-edge.ts";
import { type FeedBench, feedBench, type StartedFeed } from "../../test/support/feed-bench.ts";

/** A user without any right. */
const NOBODY = 65_534;

let bench: FeedBench;
let inbox: string;
beforeEach(async () => {
  bench = await feedBench();
  inbox = join(bench.folder, "in");
  mkdirSync(inbox);
});
afterEach(async () => await bench.stop());

const at = (name: string) => join(inbox, name);
const done = () => join(bench.folder, "done");
const config = (more: Readonly<Record<string, unknown>> = {}) => ({
  type: "directory",
  path: inbox,
  pattern: "*.cor",
  quiet_ms: 30,
  poll_ms: 5,
  after: "move",
  done_path: done(),
  ...more,
});
const deleting = (more: Readonly<Record<string, unknown>> = {}) =>
  config({ after: "delete", done_path: undefined, ...more });
/** The name that a file gets before it is overwritten. */
const leaving = (file: string) => `.qkd-leaving-${statSync(file).ino}`;
/** As a device does that renames into place. */
const dropFile = (name: string, bytes: Uint8Array) => {
  writeFileSync(at(`${name}.part`), bytes);
  renameSync(at(`${name}.part`), at(name));
};
const bytesAtEdge = (name: string, size: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(size / LIMITS.fileBlockBytes) }, (_, i) => {
      const block = bench.edge.blocks.get(`${name}:${i * LIMITS.fileBlockBytes}`);
      return block?.bytes ?? Buffer.alloc(0);
    }),
  );
const isDelivered = async (started: StartedFeed, blocks: number) =>
  await vi.waitFor(
    () => expect(started.feed.gauges).toMatchObject({ blocksDelivered: blocks, spoolBlocks: 0 }),
    10_000,
  );
const hasAlarm = async (started: StartedFeed, code: string, subject: string) =>
  await vi.waitFor(
    () => expect(started.feed.alarms.map((alarm) => [alarm.code, alarm.subject])).toContainEqual([code, subject]),
    10_000,
  );

describe("a file", () => {
  test("is cut as `qkd ingest` cuts it, pushed once and moved", async () => {
    const bytes = randomBytes(2 * LIMITS.fileBlockBytes + 17);
    writeFileSync(at("k.cor"), bytes);
    writeFileSync(at("k.tmp"), bytes);
    const started = await bench.start(config());
    await isDelivered(started, 3);
    expect(bytesAtEdge("k.cor", bytes.length).equals(bytes)).toBe(true);
    expect([readdirSync(inbox), readdirSync(done())]).toEqual([["k.tmp"], ["k.cor"]]);
    expect(bench.edge.pushes).toHaveLength(3);
  });

  test("is overwritten and deleted where that is configured", async () => {
    writeFileSync(at("k.cor"), randomBytes(1000));
    const handle = await open(at("k.cor"), "r");
    await isDelivered(await bench.start(deleting()), 1);
    await vi.waitFor(() => expect(readdirSync(inbox)).toEqual([]));
    const after = await handle.readFile();
    await handle.close();
    expect([after.length, after.every((byte) => byte === 0)]).toEqual([1000, true]);
  });

  test("that has another name elsewhere is not overwritten, but said", async () => {
    const bytes = randomBytes(1000);
    const other = join(bench.folder, "other-name");
    writeFileSync(other, bytes);
    linkSync(other, at("k.cor"));
    const started = await bench.start(deleting());
    await isDelivered(started, 1);
    await hasAlarm(started, "file-unusable", "k.cor");
    expect([readdirSync(inbox), readFileSync(other).equals(bytes)]).toEqual([["k.cor"], true]);
  });

  test("that a crash left half overwritten is not read, but deleted", async () => {
    writeFileSync(at("k.cor"), Buffer.alloc(1000));
    renameSync(at("k.cor"), at(leaving(at("k.cor"))));
    const started = await bench.start(deleting({ complete: "rename", pattern: "{.*,*}" }));
    writeFileSync(at("z.cor"), randomBytes(100));
    await isDelivered(started, 1);
    await vi.waitFor(() => expect(readdirSync(inbox)).toEqual([]));
    expect(bench.edge.pushes).toEqual(["z.cor:0"]);
  });

  test("of a name as if it were about to be deleted is overwritten only where it is", async () => {
    const precious = join(bench.folder, "precious");
    writeFileSync(precious, "precious");
    const names = {
      link: ".qkd-leaving-1",
      folder: ".qkd-leaving-2",
      pipe: ".qkd-leaving-3",
      other: ".qkd-leaving-4",
      linked: leaving(precious),
    };
    symlinkSync(precious, at(names.link));
    mkdirSync(at(names.folder));
    execFileSync("mkfifo", [at(names.pipe)]);
    writeFileSync(at(names.other), "other");
    linkSync(precious, at(names.linked));
    const started = await bench.start(deleting());
    for (const name of Object.values(names)) await hasAlarm(started, "file-unusable", name);
    expect([readFileSync(precious, "utf8"), readFileSync(at(names.other), "utf8")]).toEqual(["precious", "other"]);
    // None of them holds the others up, and each is forgotten with its file.
    writeFileSync(at("k.cor"), randomBytes(100));
    await isDelivered(started, 1);
    for (const name of Object.values(names)) rmSync(at(name), { recursive: true });
    await vi.waitFor(() => expect([started.alarms(), readdirSync(inbox)]).toEqual([[], []]));
  });

  test.each([
    ["waits for the edge", () => "unreachable" as const, "edge-unreachable"],
    ["was refused", () => answer(409, { message: "no" }), "block-refused"],
  ])("of the name of one that %s, with other bytes, is left where it is, and said", async (_, intercept, alarm) => {
    bench.edge.intercept = intercept;
    const [first, second] = [randomBytes(70_000), randomBytes(70_000)];
    const started = await bench.start(deleting({ complete: "rename" }));
    dropFile("k.cor", first);
    await vi.waitFor(() => expect(started.alarms()).toContain(alarm));
    await vi.waitFor(() => expect(readdirSync(inbox)).toEqual([]));
    dropFile("k.cor", second);
    await hasAlarm(started, "file-changed", "k.cor");
    expect([started.feed.gauges.blocksRead, readFileSync(at("k.cor")).equals(second)]).toEqual([2, true]);
    // The same bytes once more are no news.
    rmSync(at("k.cor"));
    await vi.waitFor(() => expect(started.alarms()).not.toContain("file-changed"));
    dropFile("k.cor", first);
    await vi.waitFor(() => expect(readdirSync(inbox)).toEqual([]));
    expect([started.feed.gauges.blocksRead, started.alarms().includes("file-changed")]).toEqual([2, false]);
  });

  test("of a fixed size counts when it has that size", async () => {
    const started = await bench.start(config({ complete: "size", file_bytes: 3000 }));
    writeFileSync(at("k.cor"), randomBytes(2999));
    writeFileSync(at("other.cor"), randomBytes(3000));
    await isDelivered(started, 1);
    expect(readdirSync(inbox)).toEqual(["k.cor"]);
    appendFileSync(at("k.cor"), "x");
    await isDelivered(started, 2);
    writeFileSync(at("long.cor"), randomBytes(3001));
    await hasAlarm(started, "file-unusable", "long.cor");
  });

  test("counts as soon as it is renamed into place", async () => {
    const started = await bench.start(config({ complete: "rename" }));
    writeFileSync(at("k.part"), randomBytes(100));
    writeFileSync(at("first.cor"), randomBytes(100));
    await isDelivered(started, 1);
    renameSync(at("k.part"), at("k.cor"));
    await isDelivered(started, 2);
  });

  test("of a name that is done already does not replace the other; other bytes under it are refused", async () => {
    const started = await bench.start(config());
    writeFileSync(at("k.cor"), randomBytes(100));
    await isDelivered(started, 1);
    writeFileSync(at("k.cor"), randomBytes(100));
    await hasAlarm(started, "block-refused", "k.cor:0");
    await vi.waitFor(() => expect(readdirSync(done()).toSorted()).toEqual(["k.cor", "k.cor.1"]));
  });
});

describe("what is no good", () => {
  test("links, pipes, folders, empty and unreadable files: an alarm, and the others go on", async () => {
    writeFileSync(join(bench.folder, "elsewhere"), randomBytes(100));
    symlinkSync(join(bench.folder, "elsewhere"), at("link.cor"));
    execFileSync("mkfifo", [at("pipe.cor")]);
    mkdirSync(at("folder.cor"));
    writeFileSync(at("z.cor"), randomBytes(100));
    writeFileSync(at("empty.cor"), "");
    const long = `${"n".repeat(250)}.cor`;
    writeFileSync(at(long), randomBytes(100_000));
    writeFileSync(at("bell\u0007.cor"), randomBytes(100));
    const started = await bench.start(config({ complete: "rename" }));
    await vi.waitFor(() => expect(bench.edge.blocks.has("z.cor:0")).toBe(true));
    for (const name of ["link.cor", "pipe.cor", "empty.cor", long, "bell\u0007.cor"])
      await hasAlarm(started, "file-unusable", name);
    rmSync(at("link.cor"));
    await vi.waitFor(() => expect(started.feed.alarms.map(({ subject }) => subject)).not.toContain("link.cor"));
    expect([...bench.edge.blocks.keys()]).not.toContain("link.cor:0");
  });

  test("a file without the right to read it", async () => {
    writeFileSync(at("k.cor"), randomBytes(100));
    chmodSync(at("k.cor"), 0);
    // Root may read anything, so it steps down.
    const isRoot = process.geteuid?.() === 0;
    if (isRoot) {
      execFileSync("chown", ["-R", String(NOBODY), bench.folder]);
      process.seteuid?.(NOBODY);
    }
    try {
      const started = await bench.start(config());
      await hasAlarm(started, "file-unusable", "k.cor");
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });

  test("a folder that is not there is an alarm until it is", async () => {
    rmSync(inbox, { recursive: true });
    const started = await bench.start(config());
    await hasAlarm(started, "file-unusable", "");
    mkdirSync(inbox);
    writeFileSync(at("k.cor"), randomBytes(100));
    await isDelivered(started, 1);
    expect(started.alarms()).toEqual([]);
  });

  test.each([
    ["grows", () => appendFileSync(at("k.cor"), "x")],
    ["shrinks", () => truncateSync(at("k.cor"), 100_000)],
  ])("a file that %s while it is read is left where it is, and never read again", async (_name, change) => {
    const size = 3 * LIMITS.fileBlockBytes;
    writeFileSync(at("k.cor"), randomBytes(size));
    // Holds the feed in the middle of the file: the first block is in the spool, the second finds no room.
    bench.edge.intercept = () => "unreachable";
    const started = await bench.start(config({ spool_blocks: 1 }));
    await hasAlarm(started, "spool-full", "");
    change();
    bench.edge.intercept = () => null;
    await hasAlarm(started, "file-changed", "k.cor");
    await vi.waitFor(() => expect(started.feed.gauges.spoolBlocks).toBe(0));
    expect([...bench.edge.blocks.keys()]).toEqual(["k.cor:0"]);
    expect(existsSync(at("k.cor"))).toBe(true);
    rmSync(at("k.cor"));
    await vi.waitFor(() => expect(started.alarms()).toEqual([]));
  });
});

test("no byte of a key is in a log line or alarm", async () => {
  const bytes = Buffer.alloc(1000, "secret material ");
  writeFileSync(at("k.cor"), bytes);
  bench.edge.blocks.set("k.cor:0", { node: "n", bytes: randomBytes(10), state: "matched" });
  const started = await bench.start(config());
  await hasAlarm(started, "block-refused", "k.cor:0");
  const said = JSON.stringify([bench.logged, started.feed.alarms]);
  for (const form of ["utf8", "hex", "base64"] as const) {
    expect(said).not.toContain(bytes.toString(form).slice(0, 16));
  }
});
