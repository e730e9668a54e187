/** Secrets of a state folder: made once, readable by their owner alone, kept. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadSecrets } from "./secrets.ts";
import { openStateFolder, type StateFolder } from "./state-folder.ts";

let root: string;
let folder: StateFolder;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "qkd-secrets-"));
  folder = openStateFolder(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("are made where they are missing, and the same ever after", () => {
  const first = loadSecrets(folder);
  expect(Buffer.from(first.identitySeed, "base64").length).toBe(32);
  expect(loadSecrets(folder)).toEqual(first);
  for (const file of [folder.bootstrapToken, folder.identitySeed]) expect(statSync(file).mode & 0o777).toBe(0o600);
  rmSync(folder.bootstrapToken);
  const second = loadSecrets(folder);
  expect(second.bootstrapToken).not.toBe(first.bootstrapToken);
  expect(second.identitySeed).toBe(first.identitySeed);
  writeFileSync(folder.bootstrapToken, "\n");
  expect(loadSecrets(folder).bootstrapToken).toHaveLength(first.bootstrapToken.length);
});

test("a damaged identity is not replaced behind its operator's back, nor shown", () => {
  for (const text of ["", "damaged\n", "AAAA\n", `${"A".repeat(40)}\n`]) {
    writeFileSync(folder.identitySeed, text);
    expect(() => loadSecrets(folder)).toThrow(`${folder.identitySeed} is not base64 of 32 bytes`);
    if (text !== "") expect(() => loadSecrets(folder)).not.toThrow(text.trim());
    expect(readFileSync(folder.identitySeed, "utf8")).toBe(text);
  }
});
