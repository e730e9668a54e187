import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type FeedBench, feedBench } from "../../test/support/feed-bench.ts";
import { isRunning } from "../../test/support/run-network.ts";
import { LIMITS } from "../../shared/limits.ts";
import { boundedLines } from "./lines.ts";

let bench: FeedBench;
beforeEach(async () => {
  bench = await feedBench();
});
afterEach(async () => await bench.stop());

/** A tool written in JavaScript. */
const tool = (script: string, more: Readonly<Record<string, unknown>> = {}) => ({
  type: "command",
  program: process.execPath,
  args: ["-e", script, bench.folder],
  block_bytes: 1000,
  ...more,
});
const stdout = (file: string) => `process.stdout.write(require("fs").readFileSync(${JSON.stringify(file)}));`;
const stay = "setInterval(() => {}, 1000);";
const allBytes = () => Buffer.concat([...bench.edge.blocks.values()].map(({ bytes }) => bytes));

function stream(size: number): { readonly file: string; readonly bytes: Buffer } {
  const file = join(bench.folder, `stream-${size}`);
  const bytes = randomBytes(size);
  writeFileSync(file, bytes);
  return { file, bytes };
}

test("its stdout becomes blocks; the last bytes are kept when the agent ends; a restart counts on", async () => {
  const { file, bytes } = stream(2500);
  const started = await bench.start(tool(stdout(file) + stay));
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBe(2), 10_000);
  await started.stop();
  const again = await bench.start(tool(stay));
  await vi.waitFor(() => expect(again.feed.gauges.blocksDelivered).toBe(1), 10_000);
  expect(allBytes().equals(bytes)).toBe(true);
  const names = [...bench.edge.blocks.keys()];
  expect(names.map((name) => name.split("-").at(-1))).toEqual(["0", "1", "2"]);
  expect(new Set(names.map((name) => name.slice(0, -2))).size).toBe(1);
  expect(names[0]).toMatch(/^feed-[0-9a-f]{16}-0$/);
});

test("a stream that both ends have is named by its offset, and never cut short", async () => {
  const { file } = stream(2500);
  const config = tool(stdout(file) + stay, { shared_stream: "fibre-7" });
  const started = await bench.start(config);
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBe(2), 10_000);
  await started.stop();
  const again = await bench.start(config);
  await vi.waitFor(() => expect(again.feed.gauges.blocksDelivered).toBe(2), 10_000);
  expect([...bench.edge.blocks.keys()]).toEqual(["fibre-7:0", "fibre-7:1000", "fibre-7:2000", "fibre-7:3000"]);
});

test("a tool that ends is started again, with an alarm in between; what it wrote last is not lost", async () => {
  const runs = join(bench.folder, "runs");
  const script = `require("fs").appendFileSync(${JSON.stringify(runs)}, "x");
    process.stderr.write("vendor says hello\\n"); process.stdout.write(Buffer.alloc(600, 97)); process.exitCode = 3;`;
  const started = await bench.start(tool(script));
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBe(1), 20_000);
  expect(readFileSync(runs, "utf8").length).toBeGreaterThanOrEqual(2);
  const ended = bench.logged.filter(({ event }) => event === "feed alarm");
  expect(ended[0]?.fields).toMatchObject({ code: "command-ended", detail: expect.stringContaining("exit code 3") });
  expect(bench.logged).toContainEqual({
    event: "device tool",
    fields: { feed: "feed", stderr: "vendor says hello" },
  });
});

test("a tool that is not there is an alarm", async () => {
  const started = await bench.start({ ...tool(""), program: "/nowhere/tool" });
  await vi.waitFor(() => expect(started.feed.alarms[0]?.detail).toContain("/nowhere/tool cannot be run"));
});

test("no shell reads program or arguments", async () => {
  const trap = join(bench.folder, "trap");
  const started = await bench.start({
    ...tool(""),
    program: "/bin/echo",
    args: [`$(touch ${trap})`, ";", "touch", trap],
    block_bytes: 10,
  });
  await vi.waitFor(() => expect(started.feed.gauges.blocksDelivered).toBeGreaterThan(0), 10_000);
  expect(allBytes().toString()).toContain("$(touch");
  expect(existsSync(trap)).toBe(false);
});

test("while the pool is full, the tool is not read: its pipe fills", async () => {
  Object.assign(bench.edge, { availableBits: 8, highBits: 8 });
  const count = join(bench.folder, "count");
  const script = `const fs = require("fs"); let n = 0; const block = Buffer.alloc(65536, 98);
    (function more() { process.stdout.write(block, () => { fs.writeFileSync(${JSON.stringify(count)}, String(++n)); more(); }); })();`;
  const started = await bench.start(tool(script));
  await vi.waitFor(() => expect(started.feed.gauges.heldBack).toBe(true));
  expect(started.feed.gauges.blocksRead).toBe(0);
  expect(existsSync(count)).toBe(false);
  await started.stop();
});

test("it ends with the agent, with what it started, even if it does not want to", async () => {
  const pids = join(bench.folder, "pids");
  const script = `process.on("SIGTERM", () => {}); const { spawn } = require("child_process");
    const child = spawn("sleep", ["1000"]);
    require("fs").writeFileSync(${JSON.stringify(pids)}, process.pid + " " + child.pid); ${stay}`;
  const started = await bench.start(tool(script));
  await vi.waitFor(() => expect(readFileSync(pids, "utf8")).toMatch(/\d+ \d+/), 10_000);
  await started.stop();
  for (const pid of readFileSync(pids, "utf8").split(" ")) {
    await vi.waitFor(() => expect(isRunning(Number(pid))).toBe(false), 10_000);
  }
});

test("lines of a stranger are bounded in length, number and memory, and hold no control characters", () => {
  const lines: string[] = [];
  let nowMs = 0;
  const write = boundedLines(
    (line) => lines.push(line),
    () => nowMs,
  );
  write("a\tb");
  write("c\r\n\n");
  for (let i = 0; i < 100; i++) write("y".repeat(10_000));
  write("\n");
  expect(lines).toEqual(["a bc", "y".repeat(LIMITS.feedStderrChars)]);
  nowMs = 1000;
  lines.length = 0;
  for (let i = 0; i < 1000; i++) write("flood\n");
  expect(lines).toHaveLength(LIMITS.feedStderrLines);
  nowMs = 2000;
  write("next\n");
  expect(lines.at(-1)).toBe("next");
});
