/** The command line as an SAE and an operator use it, against `npm start`: keys, tokens, certificates, what the monitor sees. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { NetworkDocumentInput } from "../../shared/network/document.ts";
import { recordedCli } from "../support/recorded-cli.ts";
import { runNetwork, type RunningNetwork } from "../support/run-network.ts";

const PROJECT = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "qkd-cli-"));
let network: RunningNetwork;
beforeAll(async () => {
  network = await runNetwork();
});
afterAll(async () => {
  await network.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** With nothing but the state folder to go by. */
const qkd = (...argv: readonly string[]) => recordedCli(argv, { env: { QKD_STATE: network.state }, cwd: folder });
const keyIn = (out: string): [id: string, key: string] => {
  const [id = "", key = ""] = out.split("  ");
  return [id, key];
};
const pem = (name: string): string => join(network.state, "certs", name);
/** As whoever holds this certificate, at the KME of a node. */
const at = (node: string, name: string): string[] => {
  const files = ["--ca", pem("ca.crt"), "--cert", pem(`${name}.crt`), "--key", pem(`${name}.key`)];
  return ["--edge", network.kme[node] ?? "", ...files];
};

test("a key by tokens of the state folder: the same at both ends, seen only where that is asked for", async () => {
  const got = await qkd("keys", "get", "sae-c", "--as", "sae-a", "--out", "key.json");
  expect(got.out).toMatch(/^[0-9a-f-]{36} {2}\[32 bytes\]$/);
  expect(statSync(join(folder, "key.json")).mode & 0o777).toBe(0o600);
  const { keys } = JSON.parse(readFileSync(join(folder, "key.json"), "utf8")) as {
    keys: { key_ID: string; key: string }[];
  };
  const fetched = await qkd("keys", "dec", "sae-a", keys[0]?.key_ID ?? "", "--as", "sae-c", "--show");
  expect([fetched.code, fetched.err]).toEqual([0, ""]);
  expect(keyIn(fetched.out)[1] === keys[0]?.key).toBe(true);
  expect(got.out + got.err).not.toContain(keys[0]?.key);
  const operator = await qkd("keys", "get", "sae-c");
  expect([operator.code, operator.err]).toEqual([1, expect.stringContaining("--as names one of a tokens.json")]);
});

test("by npm: files are where the user is, and the exit code is qkd's", () => {
  const byNpm = (...argv: readonly string[]) =>
    spawnSync("npm", ["--prefix", PROJECT, "run", "--silent", "qkd", "--", ...argv], {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, QKD_STATE: network.state },
    });
  const got = byNpm("keys", "get", "sae-c", "--as", "sae-a", "--out", "by-npm.json");
  expect([got.status, got.stdout]).toEqual([0, expect.stringMatching(/^[0-9a-f-]{36} {2}\[32 bytes\]\n$/)]);
  expect(readFileSync(join(folder, "by-npm.json"), "utf8")).toContain('"key_ID"');
  expect(byNpm("audit", "verify", "--file", "none.jsonl")).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^qkd: .*none\.jsonl/) as unknown,
  });
});

test("a key by certificates at the KMEs, one of them named in the user's configuration", async () => {
  const got = await qkd("keys", "get", "sae-c", "--show", ...at("tn-1", "sae-a"));
  expect([got.code, got.err]).toEqual([0, ""]);
  const [id, key] = keyIn(got.out);
  const config = { edge: network.kme["tn-2"], ca: pem("ca.crt"), cert: pem("sae-c.crt"), key: pem("sae-c.key") };
  mkdirSync(join(folder, "qkd"));
  const toml = Object.entries(config).map(([name, value]) => `${name} = ${JSON.stringify(value)}\n`);
  writeFileSync(join(folder, "qkd", "config.toml"), toml.join(""));
  const around = { env: { XDG_CONFIG_HOME: folder }, cwd: folder };
  const fetched = await recordedCli(["keys", "dec", "sae-a", id, "--show"], around);
  expect([fetched.code, fetched.err]).toEqual([0, ""]);
  expect(keyIn(fetched.out)[1] === key).toBe(true);
  const stranger = await qkd(
    "keys",
    "get",
    "sae-c",
    "--edge",
    network.kme["tn-1"] ?? "",
    "--token-file",
    pem("ca.crt"),
  );
  expect(stranger.code).toBe(1);
});

test("a token: made, admitted by a version of the document, used, revoked", async () => {
  const created = await qkd("token", "create", "sae:sae-a", "--scopes", "keys.enc", "--out", "a.token", "--apply");
  expect([created.code, created.err]).toEqual([0, ""]);
  const get = () => qkd("keys", "get", "sae-c", "--edge", network.edge, "--token-file", "a.token");
  await expect.poll(async () => (await get()).code).toBe(0);
  const dec = await qkd("keys", "dec", "sae-c", crypto.randomUUID(), "--token-file", "a.token");
  // Which its scopes leave out: ETSI GS QKD 014 knows no 403.
  expect(dec.err).toContain("401");
  expect((await qkd("token", "revoke", "@a.token")).out).toContain("(of sae:sae-a)");
  await expect.poll(async () => (await get()).err).toContain("401");
});

test("a certificate: issued, told by its CN, used at a KME, revoked there", async () => {
  const shown = JSON.parse((await qkd("network", "show")).out) as NetworkDocumentInput;
  const sae = { id: "sae-x", node: "tn-1", credentials: [{ type: "certificate", match: "cn", value: "sae-x" }] };
  writeFileSync(join(folder, "network.json"), JSON.stringify({ ...shown, saes: [...shown.saes, sae] }));
  expect(await qkd("network", "apply", "network.json")).toMatchObject({ code: 0, err: "" });
  expect(await qkd("cert", "issue", "sae-x")).toMatchObject({ code: 0, err: "" });
  const get = () => qkd("keys", "get", "sae-c", ...at("tn-1", "sae-x"));
  await expect.poll(async () => (await get()).code).toBe(0);
  expect((await qkd("cert", "revoke", "sae-x")).code).toBe(0);
  await expect.poll(async () => (await get()).code).toBe(1);
  expect((await qkd("cert", "list")).out).toMatch(/sae-x +sae-x +revoked/);
  expect((await qkd("keys", "get", "sae-c", ...at("tn-1", "sae-a"))).code).toBe(0);
});

test("links, pools, tunnels and streams, as the monitor sees them", async () => {
  await expect
    .poll(async () => (await qkd("links")).out)
    .toMatch(/\ntn-1-tn-2 +tn-1 - tn-2 +ok +simulated +(?:normal|high) /);
  expect((await qkd("pools")).out).toMatch(/\ntn-3-tn-4 .* yes(?:\n|$)/);
  for (const command of ["tunnels", "streams"]) expect(await qkd(command)).toMatchObject({ code: 0, err: "" });
});
