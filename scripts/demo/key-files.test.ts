import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, matchesGlob } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { dropKeyFiles, KEY_FILES } from "./key-files.ts";

const LONG_MS = 3_600_000;

test("the same files at both ends, until nobody takes them away", () => {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const folders = ["a", "b"].map((name) => mkdtempSync(join(tmpdir(), `qkd-files-${name}-`)));
  onTestFinished(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));
  const [one = "", other = ""] = folders;
  writeFileSync(join(one, "of-a-killed-device.cor.part"), "");
  onTestFinished(dropKeyFiles(folders));

  vi.advanceTimersByTime(LONG_MS);
  const names = readdirSync(one);
  expect(names).toHaveLength(4);
  expect(readdirSync(other)).toEqual(names);
  const files = names.map((name) => readFileSync(join(one, name)));
  for (const [index, name] of names.entries()) {
    expect(matchesGlob(name, KEY_FILES)).toBe(true);
    expect(files[index]?.equals(readFileSync(join(other, name)))).toBe(true);
    expect(statSync(join(one, name)).mode & 0o777).toBe(0o600);
  }
  expect(new Set(files.map((bytes) => bytes.toString("latin1"))).size).toBe(4);

  // One end alone is behind.
  rmSync(join(one, names[0] ?? ""));
  vi.advanceTimersByTime(LONG_MS);
  expect(readdirSync(one)).toHaveLength(3);
  rmSync(join(other, names[0] ?? ""));
  vi.advanceTimersByTime(LONG_MS);
  expect(readdirSync(one)).toHaveLength(4);
  expect(readdirSync(one)).not.toContain(names[0]);
});
