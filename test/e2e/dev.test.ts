/** `npm run dev` and `npm run deploy`, as far as they go without Cloudflare. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { freePort } from "../../scripts/start/ports.ts";
import { runReadmeBlock } from "../support/readme.ts";
import { isRunning, newStateFolder } from "../support/run-network.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));

it("runs the demo under wrangler dev; the lines it prints, and the README's, fetch one key at both ends", async () => {
  const state = newStateFolder();
  const args = [join(PROJECT, "scripts", "dev.ts"), "--state", state, "--port", String(await freePort())];
  const child = spawn(process.execPath, args, { cwd: PROJECT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await expect.poll(() => output, { timeout: 50_000 }).toMatch(/^qkd-edge dev ready: .*[^]*\nsed /m);
  const lines = output.split("\n").filter((line) => /^(ANSWER|KEY_ID|sed)/.test(line));
  const shell = spawnSync("bash", ["--norc", "-euo", "pipefail", "-c", lines.join("\n")], {
    encoding: "utf8",
    cwd: "/",
  });
  const [given, fetched] = shell.stdout.trim().split("\n");
  expect(given).toMatch(/^\{"keys":\[\{"key_ID":"[0-9a-f-]{36}","key":"[A-Za-z0-9+/]{43}="/);
  expect(fetched).toBe(given);
  const { edge } = JSON.parse(readFileSync(join(state, "ports.json"), "utf8")) as { edge: string };
  const [readmeGiven = "", readmeFetched] = runReadmeBlock("bearer()", { state, edge, kme: {} });
  expect(readmeGiven).toMatch(/^\{"keys":\[\{"key_ID":"/);
  expect(readmeFetched === readmeGiven).toBe(true);
  const page = await fetch(`${edge}/messenger/`);
  expect([page.status, page.headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
  expect(await page.text()).toContain("/messenger/assets/");
  child.kill("SIGTERM");
  expect(await ended).toBe(0);
  expect(isRunning(child.pid ?? 0)).toBe(false);
  rmSync(state, { recursive: true });
});

it("deploys dry, without an account", () => {
  const deploy = spawnSync(process.execPath, ["scripts/deploy.ts", "--dry-run"], { cwd: PROJECT, encoding: "utf8" });
  expect([deploy.status, deploy.stderr]).toEqual([0, ""]);
  expect(deploy.stdout).toContain("--dry-run: exiting now");
});

it("does not deploy without its secrets, and says which", () => {
  const env = {
    ...process.env,
    CLOUDFLARE_API_TOKEN: "",
    HOME: "/nonexistent",
    XDG_CONFIG_HOME: "/nonexistent",
    CI: "1",
  };
  const deploy = spawnSync(process.execPath, ["scripts/deploy.ts"], { cwd: PROJECT, encoding: "utf8", env });
  expect(deploy.status).toBe(1);
  expect(deploy.stderr).toMatch(/^npm run deploy: cannot see the secrets QKD_EPOCH_KEY_1, QKD_BOOTSTRAP_SHA256 .*\n$/);
});
