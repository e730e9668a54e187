import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { recordedCli } from "../../test/support/recorded-cli.ts";
import { Args } from "../lib/args.ts";
import { unpainted } from "../lib/colour.ts";
import { benchOf } from "./bench.ts";

const QKD = join(import.meta.dirname, "..", "qkd.ts");
const qkd = (...argv: readonly string[]) => promisify(execFile)(process.execPath, [QKD, ...argv]);

describe("bench", () => {
  test("runs the project's benches, with what is for them, and says how they ended", async () => {
    expect((await qkd("bench", "--", "--help")).stdout).toContain("--connections A,B");
    expect((await qkd("bench", "relay", "--", "--help")).stdout).toContain("npm run bench:relay");
    const { code, stderr } = (await qkd("bench", "tunnel", "--", "--rounds", "0").catch((error: unknown) => error)) as {
      code: number;
      stderr: string;
    };
    expect([code, stderr]).toEqual([1, expect.stringContaining("--rounds takes whole numbers")]);
  });

  test("elsewhere says what is missing", async () => {
    const terminal = { line: () => {}, note: () => {}, redraw: () => {}, live: false, colours: false, columns: 80 };
    const context = { terminal, around: { env: {}, cwd: "/" }, paint: unpainted, api: () => expect.unreachable() };
    const run = benchOf(join(tmpdir(), "nowhere")).run({ ...context, args: new Args({}, []) });
    await expect(run).rejects.toThrow("there is no bench here");
  });

  test("an unknown one is named", async () => {
    const { code, err } = await recordedCli(["bench", "tunel"], { env: {}, cwd: "/" });
    expect([code, err]).toEqual([1, expect.stringContaining('no bench "tunel". Did you mean "tunnel"?')]);
  });
});
