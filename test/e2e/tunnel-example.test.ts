/** What examples/tunnel and docs/agent.md give to try out and to copy. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../tunnel/agent/config/load.ts";
import { readNetwork } from "../support/operator.ts";
import { runNetwork } from "../support/run-network.ts";

const PROJECT = join(import.meta.dirname, "..", "..");
const EXAMPLE = join(PROJECT, "examples", "tunnel");
const read = (...path: string[]): string => readFileSync(join(PROJECT, ...path), "utf8");

const folder = (): string => {
  const made = mkdtempSync(join(tmpdir(), "qkd-example-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
};

test("two devices and a SiteAgent that know nothing of tunnels, against a running network, and again", async () => {
  const network = await runNetwork();
  onTestFinished(async () => void (await network.stop()));
  const before = (await readNetwork(network)).document;
  for (let round = 0; round < 2; round++) {
    const child = spawn(process.execPath, [join(EXAMPLE, "run.ts"), "--state", network.state], { stdio: "pipe" });
    const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
    expect(err).toBe("");
    const address = String.raw`127\.0\.0\.1:\d+`;
    expect(out).toMatch(
      new RegExp(
        [
          `^device A listens at ${address}, device B at ${address}: each for its own site only`,
          `site B finds device A at ${address}; the cloud finds device A at ${address} and device B at ${address}`,
          `site agent: device A answers at ${address}`,
          `site agent: device B answers at ${address}`,
          String.raw`site agent: a session with device A: 100 rounds in \d+ ms`,
          `site agent: which counted 100\n$`,
        ].join("\n"),
      ),
    );
    expect((await readNetwork(network)).document).toEqual(before);
  }
});

test("without a running network it says so in a line", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(EXAMPLE, "run.ts"), "--state", folder()], {
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(/^examples\/tunnel: is npm start running in \S+\?\n$/);
});

test("the agent takes the configurations that are there to copy", () => {
  const file = join(folder(), "agent.toml");
  const ofPage = [...read("docs", "agent.md").matchAll(/^```toml\n([^]*?)^```$/gm)].map(([, block = ""]) => block);
  expect(ofPage.length).toBeGreaterThan(1);
  for (const toml of [...ofPage, read("examples", "tunnel", "agent.toml")]) {
    writeFileSync(file, toml);
    expect(loadConfig(file).site).toMatch(/^site-[ab]$/);
  }
});

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

test.skipIf(!hasSystemd)("systemd finds nothing wrong with the unit", () => {
  const file = join(folder(), "qkd-agent.service");
  // A program that is there, in place of one that an operator installs.
  const unit = read("examples", "tunnel", "qkd-agent.service").replaceAll(
    "/opt/qkd-edge/node_modules/.bin/node",
    process.execPath,
  );
  writeFileSync(file, unit);
  const { status, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
  expect([status, stderr]).toEqual([0, ""]);
});
