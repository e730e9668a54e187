/** What of a folder goes into a backup, and what of a file that is said to be one comes out. */
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, matchesGlob } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Manifest, pack, readManifest } from "./archive.ts";
import { PROJECT } from "../start/paths.ts";
import { backUp, restore } from "./backup.ts";

const MANIFEST: Manifest = { format: 1, at: "2026-01-01T00:00:00.000Z", release: "1" };
let folder: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "qkd-archive-"));
  root = join(folder, "root");
  mkdirSync(join(root, "state"), { recursive: true });
  writeFileSync(join(root, "tokens.json"), "{}");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a backup within the folder itself does not hold itself", async () => {
  const file = join(root, "backup.tar.gz");
  await pack(root, file, MANIFEST);
  expect(await readManifest(file)).toEqual(MANIFEST);
  const names = execFileSync("tar", ["-tzf", file], { encoding: "utf8" }).trim().split("\n");
  expect(names).toEqual(["qkd-edge-backup.json", "./", expect.anything(), expect.anything()]);
  expect(names).toEqual(expect.arrayContaining(["./state/", "./tokens.json"]));
});

test("a link is not taken into one, nor put back from one that somebody else has made", async () => {
  const elsewhere = join(folder, "elsewhere");
  mkdirSync(elsewhere);
  symlinkSync(elsewhere, join(root, "certs"));
  const file = join(folder, "backup.tar.gz");
  await expect(pack(root, file, MANIFEST)).rejects.toThrow(/neither a file nor a folder.*certs -> /);
  expect(existsSync(file)).toBe(false);

  writeFileSync(join(root, "qkd-edge-backup.json"), JSON.stringify(MANIFEST));
  execFileSync("tar", ["-czf", file, "-C", root, "qkd-edge-backup.json", "./certs"]);
  const target = join(folder, "target");
  await expect(restore(file, target, false)).rejects.toThrow(/neither a file nor a folder.*certs -> /);
  expect([existsSync(target), readdirSync(elsewhere)]).toEqual([false, []]);
});

test.each([".gitignore", ".dockerignore"])(
  "one beside the usual folder gets into no commit and no image: %s",
  async (name) => {
    mkdirSync(join(folder, ".qkd", "state"), { recursive: true });
    const made = basename(await backUp(join(folder, ".qkd"), null, 0));
    const ignored = readFileSync(join(PROJECT, name), "utf8")
      .split("\n")
      .filter((line) => /^[^#]/.test(line));
    expect(ignored.some((pattern) => matchesGlob(made, pattern))).toBe(true);
  },
);
