import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import { AgentConfigSchema, type AgentConfigInput } from "../config/schema.ts";
import { openLog } from "./log.ts";
import { RotatingFile } from "./rotating-file.ts";

const logConfig = (log: AgentConfigInput["log"]) =>
  v.parse(AgentConfigSchema, { edge: "https://e", site: "s", log }).log;
const recorder = (isTerminal = false) => {
  const lines: string[] = [];
  return { lines, isTerminal, write: (line: string) => void lines.push(line) };
};
const now = () => Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const folder = () => mkdtempSync(path.join(tmpdir(), "qkd-agent-log-"));

test("console and file have each their own level and look", () => {
  const file = path.join(folder(), "agent.log");
  const console = recorder();
  const { log, close } = openLog(
    logConfig({ console: { level: "warning" }, file: { level: "debug", path: file } }),
    console,
    now,
  );
  log("debug", "gauges", { streams: 3 });
  log("info", "connected");
  log("warn", "refused", { reason: 'no "such" service\u001b[31m', site: "site-b" });
  close();
  expect(console.lines).toEqual([
    '2026-01-02T03:04:05.006Z warning refused reason="no \\"such\\" service [31m" site=site-b',
  ]);
  const events = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(events).toEqual([
    { time: "2026-01-02T03:04:05.006Z", level: "debug", message: "gauges", fields: { streams: 3 } },
    { time: "2026-01-02T03:04:05.006Z", level: "info", message: "connected", fields: {} },
    {
      time: "2026-01-02T03:04:05.006Z",
      level: "warning",
      message: "refused",
      fields: { reason: 'no "such" service\u001b[31m', site: "site-b" },
    },
  ]);
});

test("none says nothing; colour where it is a terminal, or where it is asked for", () => {
  const [silent, terminal, forced] = [recorder(), recorder(true), recorder(true)];
  openLog(logConfig({ console: { level: "none" } }), silent, now).log("error", "gone");
  openLog(logConfig({}), terminal, now).log("error", "gone");
  openLog(logConfig({ console: { color: false } }), forced, now).log("error", "gone");
  expect(silent.lines).toEqual([]);
  expect(terminal.lines[0]).toContain("\u001b[31merror");
  expect(forced.lines[0]).not.toContain("\u001b");
});

test("a full file makes room: so many files of so many bytes, the newest lines in them", () => {
  const into = folder();
  const file = new RotatingFile({ path: path.join(into, "a.log"), maxBytes: 100, files: 3, onTrouble: () => {} });
  for (let number = 0; number < 50; number++) file.write(`line ${String(number).padStart(4, "0")}`);
  file.close();
  expect(readdirSync(into).sort()).toEqual(["a.log", "a.log.1", "a.log.2"]);
  const lines = ["a.log.2", "a.log.1", "a.log"].flatMap((name) => {
    const text = readFileSync(path.join(into, name), "utf8");
    expect(text.length).toBeLessThanOrEqual(100);
    return text.trim().split("\n");
  });
  expect(lines.at(-1)).toBe("line 0049");
  expect(lines).toEqual(lines.map((_, index) => `line ${String(50 - lines.length + index).padStart(4, "0")}`));
});

test("it goes on where it stopped, and a single file starts again", () => {
  const options = { path: path.join(folder(), "a.log"), maxBytes: 25, files: 1, onTrouble: () => {} };
  new RotatingFile(options).write("0123456789");
  new RotatingFile(options).write("abcdefghij");
  expect(readFileSync(options.path, "utf8")).toBe("0123456789\nabcdefghij\n");
  new RotatingFile(options).write("XYZ");
  expect(readFileSync(options.path, "utf8")).toBe("XYZ\n");
});

test("a file that cannot be written is said once, and never stops the agent", () => {
  const into = folder();
  const troubles: (string | null)[] = [];
  const options = {
    path: path.join(into, "a.log"),
    maxBytes: 10,
    files: 2,
    onTrouble: (why: string | null) => void troubles.push(why),
  };
  const file = new RotatingFile(options);
  file.write("a long first line");
  rmSync(into, { recursive: true });
  file.write("second");
  file.write("third");
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toContain("ENOENT");
});
