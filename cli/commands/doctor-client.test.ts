/** `qkd doctor client` as it is called: on commands, by hand, and with options that cannot be meant. */
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { createAuthority } from "../../pki/authority.ts";
import { privateKeyPem } from "../../pki/keys.ts";
import { recordedCli } from "../../test/support/recorded-cli.ts";
import { isRunning } from "../../test/support/run-network.ts";
import { EXIT } from "../lib/failure.ts";
import type { Surroundings } from "../lib/settings.ts";

const PROJECT = join(import.meta.dirname, "../..");

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "qkd-doctor-"));
  onTestFinished(() => rmSync(made, { recursive: true }));
  return made;
}

const run = async (around: Partial<Surroundings>, ...argv: readonly string[]) =>
  await recordedCli(["doctor", "client", ...argv], { env: process.env, cwd: PROJECT, ...around });

test("`qkd keys`, by the script of the page", async () => {
  const [, script = ""] =
    /^```sh\n(# client\.sh.*?)^```$/ms.exec(readFileSync(join(PROJECT, "docs/doctor.md"), "utf8")) ?? [];
  const file = join(folder(), "client.sh");
  writeFileSync(file, script);
  const { code, out } = await run({}, "--run", `sh ${file}`, "--only", "T08,C04");
  expect(code, out).toBe(EXIT.ok);
});

test.each([
  ["exit 0", "FAIL T08 M", "no request comes of enc_keys"],
  ["exit 1", "FAIL C04 M", "two key_IDs: no request of dec_keys came"],
  ["exit 77", "skip C04 M", "the client says that it has no such call"],
  ["kill -SEGV $$", "FAIL T08 M", 'no request comes of enc_keys for "sae-b": ended by SIGSEGV'],
])("%s: %s, %s", async (command, result, words) => {
  const { out } = await run({ cwd: folder() }, "--run", command, "--only", "T08,C04,C06");
  expect(out).toMatch(new RegExp(`^${result} .*\\n {7}${words}`, "m"));
});

test("what does not end in time is ended", async () => {
  const cwd = folder();
  const command = "sleep 1000 & echo $! >> pids; wait";
  const { code, out } = await run({ cwd }, "--run", command, "--timeout", "1", "--only", "C06", "--json");
  const { cases } = JSON.parse(out) as { cases: [{ exchanges: readonly { received: string }[] }] };
  expect([code, cases[0].exchanges.map(({ received }) => received)]).toEqual([
    EXIT.found,
    Array(3).fill("it has not ended after 1 s"),
  ]);
  const pids = readFileSync(join(cwd, "pids"), "utf8").trim().split("\n");
  for (const pid of pids) await expect.poll(() => isRunning(Number(pid))).toBe(false);
});

test("what a client leaves running out of reach does not keep this program", async () => {
  const cwd = folder();
  const command = "setsid sh -c 'echo $$ >> pids; exec sleep 1000' & until [ -s pids ]; do sleep 0.1; done; exit 1";
  const argv = [join(PROJECT, "cli/qkd.ts"), "doctor", "client", "--run", command, "--only", "C06"];
  const pids = (): number[] => readFileSync(join(cwd, "pids"), "utf8").trim().split("\n").map(Number);
  onTestFinished(() => {
    for (const pid of pids()) if (isRunning(pid)) process.kill(pid);
  });
  await expect(promisify(execFile)(process.execPath, argv, { cwd })).rejects.toMatchObject({ code: EXIT.found });
  expect(pids().filter((pid) => isRunning(pid))).toEqual(pids());
});

test("a command that cannot be started is told of", async () => {
  const { code, out } = await run({ cwd: join(folder(), "gone") }, "--run", "true", "--only", "C06");
  expect([code, out]).toEqual([EXIT.found, expect.stringMatching(/^FAIL C06 M .*\n {7}spawn \S+ ENOENT$/m)]);
});

test("an authority that is given, and files for its user alone, for as long as it takes", async () => {
  const cwd = folder();
  const { certificate, keys } = await createAuthority("of the client's");
  writeFileSync(join(cwd, "ca.pem"), certificate.toString("pem"));
  writeFileSync(join(cwd, "ca.key"), await privateKeyPem(keys.privateKey));
  const command = 'cp "$QKD_CA" seen; stat -c %a "$QKD_KEY" > mode; echo "$QKD_KEY" > where; exit 1';
  const given = ["--ca", "ca.pem", "--ca-key", "ca.key", "--sae", "ann", "--only", "C06"];
  expect((await run({ cwd }, "--run", command, ...given)).code).toBe(EXIT.found);
  const [seen, mode, where = ""] = ["seen", "mode", "where"].map((name) =>
    readFileSync(join(cwd, name), "utf8").trim(),
  );
  expect([seen, mode]).toEqual([certificate.toString("pem").trim(), "600"]);
  expect(existsSync(where)).toBe(false);
});

test("by hand: it says what to do, and takes what is answered", async () => {
  const lines = ["what?", "e", "s", undefined];
  const asked: string[] = [];
  const readLine = async (question: string) => await Promise.resolve((asked.push(question), lines.shift()));
  const { code, out, err } = await run({ readLine }, "--only", "C06", "--sae", "ann");
  expect(err).toMatch(/^ {2}KME {20}https:\/\/127\.0\.0\.1:\d+$/m);
  expect(err).toMatch(/^ {2}-> enc_keys for "sae-b": number 2, size 256$/m);
  expect(asked).toHaveLength(4);
  expect(code).toBe(EXIT.found);
  expect(out).toContain("       enc_keys: no request of enc_keys came");
  expect(out).toContain("       dec_keys: not tried, as the client says that it has no such call");
  expect(out).toContain("       status: no request of status came");
});

test.each([
  [[], "--run is required where nobody can be asked"],
  [["--run", "true", "--ca", "ca.pem"], "--ca and --ca-key go together"],
  [["--run", "true", "--ca", "ca.pem", "--ca-key", "ca.pem"], "no certificates can be made"],
  [["--run", "true", "--port", "0"], "--port must be a whole number from 1 to 65535"],
  [["--run", "true", "--host", "no-such-host.invalid"], "the KME cannot listen"],
  [["--run", "true", "--timeout", "soon"], "--timeout must be a whole number"],
  [["--run", "true", "--only", "C1"], 'no case begins with "C1"'],
])("%j: %s", async (argv, words) => {
  const cwd = folder();
  writeFileSync(join(cwd, "ca.pem"), "");
  const { code, err } = await run({ cwd }, ...argv);
  expect([code, err]).toEqual([EXIT.error, expect.stringContaining(words)]);
});
