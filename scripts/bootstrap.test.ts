/** What every npm script of this project goes through. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const PROJECT = join(import.meta.dirname, "..");

/** @returns what a TypeScript file of these lines prints, run as the npm scripts run theirs */
function run(lines: string, environment: NodeJS.ProcessEnv, ...args: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "qkd-bootstrap-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "file.ts");
  writeFileSync(file, lines);
  const { NODE_COMPILE_CACHE: _, ...inherited } = process.env;
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(PROJECT, "scripts", "bootstrap.mjs"), relative(PROJECT, file), ...args],
    { encoding: "utf8", env: { ...inherited, ...environment } },
  );
  expect(status).toBe(0);
  return stdout.trim();
}

test("a TypeScript file gets its arguments", () => {
  const print = "const [, , ...args]: string[] = process.argv; console.log(args.join());";
  expect(run(print, {}, "--state", "a b")).toBe("--state,a b");
});

test("what Node compiles is kept in this folder, or where one says", () => {
  const print = 'import { getCompileCacheDir } from "node:module"; console.log(getCompileCacheDir());';
  expect(run(print, {})).toContain(join(PROJECT, "dist", "compiled"));
  const elsewhere = mkdtempSync(join(tmpdir(), "qkd-compiled-"));
  onTestFinished(() => rmSync(elsewhere, { recursive: true }));
  expect(run(print, { NODE_COMPILE_CACHE: elsewhere })).toContain(elsewhere);
});
