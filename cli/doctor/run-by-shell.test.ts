import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { isRunning } from "../../test/support/run-network.ts";
import { byShell } from "./run-by-shell.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "qkd-shell-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

test("a command that ends well, and one that does not", async () => {
  const cwd = folder();
  await byShell("restart-command", "pwd > here", cwd)();
  expect(readFileSync(join(cwd, "here"), "utf8").trim()).toBe(cwd);
  await expect(byShell("cut-command", "exit 7", cwd)()).rejects.toThrow("--cut-command ended with code 7");
});

test.each(["sleep 1000 & echo $! > pid; wait", "trap '' TERM; echo $$ > pid; while :; do sleep 1; done"])(
  "broken off, nothing of it is left: %s",
  async (command) => {
    const cwd = folder();
    const ending = new AbortController();
    const run = byShell("drain-command", command, cwd)(ending.signal);
    const pid = (): number => Number(readFileSync(join(cwd, "pid"), "utf8"));
    await expect.poll(pid).toBeGreaterThan(0);
    ending.abort();
    await expect(run).rejects.toThrow("--drain-command was ended");
    await expect.poll(() => isRunning(pid())).toBe(false);
  },
);

test("a signal that came before", async () => {
  await expect(byShell("drain-command", "sleep 1000", folder())(AbortSignal.abort())).rejects.toThrow("was ended");
});
