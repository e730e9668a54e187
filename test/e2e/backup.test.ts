/** `npm run backup`, `restore` and `upgrade`, as an operator runs them on a stopped network. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { linkState } from "../support/operator.ts";
import { newStateFolder, type RunningNetwork, runNetwork } from "../support/run-network.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const LINK = "tn-1-tn-2";

const states: string[] = [];
afterEach(() => {
  for (const state of states.splice(0)) execFileSync("sh", ["-c", 'rm -rf "$1" "$1".*', "sh", state]);
});
function newState(): string {
  const state = newStateFolder();
  states.push(state);
  return state;
}

/** As npm runs it. */
function command(...args: readonly string[]): Promise<{ readonly code: number | null; readonly said: string }> {
  const child = spawn(process.execPath, [join(PROJECT, "scripts", "state.ts"), ...args], { cwd: PROJECT });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, said })));
}

async function takeKey(network: RunningNetwork): Promise<{ readonly key_ID: string; readonly key: string }> {
  const answer = await network.fetch("/api/v1/keys/sae-c/enc_keys", "sae-a");
  expect(answer.status).toBe(200);
  const { keys } = (await answer.json()) as { keys: { key_ID: string; key: string }[] };
  return keys[0]!;
}
const fetchKey = async (network: RunningNetwork, id: string): Promise<Response> =>
  await network.fetch(`/api/v1/keys/sae-a/dec_keys?key_ID=${id}`, "sae-c");

async function acts(network: RunningNetwork): Promise<readonly string[]> {
  const answer = await network.fetch("/api/v1/audit?node=tn-1&limit=1000", "operator");
  return ((await answer.json()) as { records: { act: string }[] }).records.map(({ act }) => act);
}

test("a backup put back: who is who and what was done is there, and no key", { timeout: 180_000 }, async () => {
  const state = newState();
  let network = await runNetwork({ state });
  const key = await takeKey(network);
  await expect.poll(() => acts(network)).toContain("keys.enc");
  const refused = await command("backup", "--state", state);
  expect([refused.code, refused.said]).toEqual([1, expect.stringContaining("is in use by another qkd-edge")]);
  await network.stop({ keep: true });

  const file = `${state}.tar.gz`;
  expect(await command("backup", "--state", state, "--out", file)).toEqual({ code: 0, said: `backup: ${file}\n` });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const listed = execFileSync("tar", ["-tzf", file], { encoding: "utf8" });
  expect(listed).toContain("./tokens.json");
  expect(listed).toContain("./certs/ca.crt");
  for (const left of ["epoch-keys", "lock", "ports.json", "spool", "./run"]) expect(listed).not.toContain(left);
  const again = await command("backup", "--state", state, "--out", file);
  expect([again.code, again.said]).toEqual([1, expect.stringContaining("is there already")]);

  network = await runNetwork({ state });
  expect((await fetchKey(network, key.key_ID)).status).toBe(200);
  const token = network.tokens["sae-a"];
  await network.stop({ keep: true });

  const full = await command("restore", file, "--state", state);
  expect([full.code, full.said]).toEqual([1, expect.stringContaining("is not empty")]);
  const done = await command("restore", file, "--state", state, "--replace");
  expect([done.code, done.said]).toEqual([
    0,
    expect.stringContaining(`what was there is in ${join(state, "before-restore")}`),
  ]);
  expect(existsSync(join(state, "before-restore", "epoch-keys"))).toBe(true);
  expect(existsSync(join(state, "epoch-keys"))).toBe(false);

  network = await runNetwork({ state });
  try {
    expect(network.output()).toContain("all key material in it is voided (by npm run restore)");
    expect(network.tokens["sae-a"]).toBe(token);
    expect((await fetchKey(network, key.key_ID)).status).toBe(400);
    expect(await acts(network)).toContain("keys.enc");
    await expect.poll(() => acts(network)).toContain("alarm.raised");
    const { ledger_bits: ledger, conserved } = await linkState(network, LINK);
    expect(conserved).toBe(true);
    expect(ledger["voided"]).toBeGreaterThan(0);
    expect(await takeKey(network)).not.toMatchObject({ key: key.key });
  } finally {
    await network.stop({ keep: true });
  }
  // Into a folder that is there and empty, as a container's volume is; and what was moved aside goes into no backup.
  const [second, volume] = [`${state}.second.tar.gz`, newState()];
  expect((await command("backup", "--state", state, "--out", second)).code).toBe(0);
  expect(execFileSync("tar", ["-tzf", second], { encoding: "utf8" })).not.toContain("before-restore");
  expect((await command("restore", second, "--state", volume)).code).toBe(0);
  expect(readdirSync(volume)).toContain("tokens.json");
  // Voided once, not with each start.
  network = await runNetwork({ state });
  expect(network.output()).not.toContain("is voided");
  await network.stop({ keep: true });
});

test("what is no backup, or a damaged one, changes nothing", { timeout: 60_000 }, async () => {
  const state = newState();
  await (await runNetwork({ state, args: ["--no-demo"] })).stop({ keep: true });
  const file = `${state}.tar.gz`;
  expect((await command("backup", "--state", state, "--out", file)).code).toBe(0);
  const before = readdirSync(state).toSorted();
  truncateSync(file, statSync(file).size - 100);
  const damaged = await command("restore", file, "--state", state, "--replace");
  expect([damaged.code, damaged.said]).toEqual([1, expect.stringMatching(/^npm run restore: .+\n$/)]);
  writeFileSync(`${state}.text`, "nothing of the kind\n");
  const other = await command("restore", `${state}.text`, "--state", state, "--replace");
  expect([other.code, other.said]).toEqual([1, expect.stringContaining("is no backup of this software")]);
  expect(readdirSync(state).toSorted()).toEqual(before);
  for (const [args, told] of [
    [["backup", "--state", `${state}.none`], "is no state folder"],
    [["restore", `${state}.none`], "there is no"],
    [["restore"], "which backup?"],
    [["backup", "--outt", "x"], "Unknown option '--outt'"],
    [["restart"], 'no command "restart"'],
  ] as const) {
    const { code, said } = await command(...args);
    expect([code, said]).toEqual([1, expect.stringContaining(told)]);
  }
});

test(
  "an upgrade keeps keys; a release that cannot read the state says so, and what to do",
  { timeout: 180_000 },
  async () => {
    const state = newState();
    let network = await runNetwork({ state });
    const key = await takeKey(network);
    await network.stop({ keep: true });
    const upgraded = await command("upgrade", "--state", state);
    expect([upgraded.code, upgraded.said]).toEqual([0, expect.stringContaining("this release comes up on this state")]);
    const [, file = ""] = /^backup: (.+)$/m.exec(upgraded.said) ?? [];
    expect(existsSync(file)).toBe(true);
    rmSync(file);
    network = await runNetwork({ state });
    const fetched = (await (await fetchKey(network, key.key_ID)).json()) as { keys: unknown[] };
    expect(fetched.keys).toEqual([key]);
    await network.stop({ keep: true });

    // As a later release leaves it, one that this one cannot follow.
    const folder = join(state, "state", "qkd-edge-directory");
    const [database = ""] = readdirSync(folder).filter(
      (name) => name.endsWith(".sqlite") && !name.startsWith("metadata"),
    );
    const directory = new DatabaseSync(join(folder, database));
    directory.exec("UPDATE schema_version SET version = 999, min_reader = 999");
    directory.close();
    const failed = await command("upgrade", "--state", state);
    expect(failed.code).toBe(1);
    expect(failed.said).toMatch(/this release does not come up on .+go back to the release before.+npm run restore/);
    expect(readFileSync(/^backup: (.+)$/m.exec(failed.said)?.[1] ?? "").length).toBeGreaterThan(0);
  },
);
